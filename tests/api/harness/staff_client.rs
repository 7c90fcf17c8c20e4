//! Staff of a practice, and their requests.

use practice_links::kit::Email;
use practice_links::practices::Practice;
use practice_links::staff::{self, NewMember, Role, letter};
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret};

use super::{Call, Reply, TestApp};

/// The password of all staff in the tests.
pub const PASSWORD: &str = "correct horse battery";

/// A staff member with an access token, who makes requests to the practice API.
#[derive(Clone)]
pub struct StaffClient {
    pub practice_id: String,
    pub staff_id: String,
    pub token: String,
}

impl TestApp {
    /// Creates a staff member, as `admin staff create` does.
    pub fn staff_client(&self, practice: &Practice, name: &str, role: Role) -> StaffClient {
        let new = NewMember {
            practice_id: practice.id.clone(),
            email: Email::parse(&format!("{name}@{}.example", practice.id.replace('_', "-"))).unwrap(),
            name: name.into(),
            role,
        };
        let (staff_id, token) = self.write(|ctx, conn| {
            let member = staff::create(ctx, conn, &new)?.expect("the address is taken");
            let token = staff::mint_token(ctx, &member).expect("no keys");
            Ok((member.id, token.token.expose().to_owned()))
        });
        StaffClient { practice_id: practice.id.clone(), staff_id, token }
    }

    /// Creates a team and returns its id.
    pub fn team(&self, practice: &Practice, name: &str, members: &[&StaffClient]) -> String {
        let ids: Vec<String> = members.iter().map(|member| member.staff_id.clone()).collect();
        let made = self.write(|ctx, conn| staff::create_team(ctx, conn, &practice.id, name, &ids));
        made.expect("the name is taken").id
    }

    /// Creates a link through the API and returns it.
    #[track_caller]
    pub fn make_link(&self, staff: &StaffClient, body: Value) -> Value {
        as_staff(staff, self.post("/v1/practice/links", body)).send().expect(201).at("/link")
    }
}

/// Authenticates a call as a staff member.
pub fn as_staff(staff: &StaffClient, call: Call) -> Call {
    call.bearer(&staff.token)
}

/// A staff member who has signed in with a password and an authenticator app.
#[derive(Clone)]
pub struct EnrolledStaff {
    pub staff_id: String,
    pub email: String,
    /// The seed of the authenticator app.
    pub seed: String,
    pub recovery_codes: Vec<String>,
    pub access_token: String,
    pub refresh_token: String,
    pub device: String,
}

impl TestApp {
    /// The code that the authenticator app shows for `seed` now.
    pub fn totp(&self, seed: &str) -> String {
        let secret = Secret::try_from_base32(seed).unwrap();
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_secret(secret);
        let now = u64::try_from(self.now().seconds()).unwrap();
        builder.with_step_duration(30).build().unwrap().generate(now).to_string()
    }

    /// Invites a staff member. Returns the id, the e-mail and the invitation's token, as `admin staff create`
    /// prints it.
    pub fn invite_staff(&self, practice: &Practice, name: &str, role: Role) -> (String, String, String) {
        let email = format!("{name}@{}.example", practice.id.replace('_', "-"));
        let new = NewMember {
            practice_id: practice.id.clone(),
            email: Email::parse(&email).unwrap(),
            name: name.into(),
            role,
        };
        self.write(|ctx, conn| {
            let member = staff::create(ctx, conn, &new)?.expect("the address is taken");
            let token = letter::invitation(ctx, conn, &member)?;
            Ok((member.id, email.clone(), token.expose().to_owned()))
        })
    }

    /// Sets a password with the token of an invitation or a reset.
    pub fn choose_password(&self, token: &str, password: &str) -> Reply {
        self.post("/v1/staff/passwords", json!({ "token": token, "password": password })).send()
    }

    /// The first factor.
    pub fn sign_in_with_password(&self, email: &str, password: &str) -> Call {
        self.post("/v1/staff/sessions", json!({ "email": email, "password": password }))
    }

    /// The second factor.
    pub fn enter_totp_code(&self, challenge: &str, code: &str) -> Reply {
        self.post("/v1/staff/sessions/totp", json!({ "challenge": challenge, "code": code })).send()
    }

    /// Creates a staff member through all steps: invitation, password, enrolment.
    #[track_caller]
    pub fn enrolled_staff(&self, practice: &Practice, name: &str, role: Role) -> EnrolledStaff {
        let (staff_id, email, token) = self.invite_staff(practice, name, role);
        self.choose_password(&token, PASSWORD).expect(200);
        let begun = self.sign_in_with_password(&email, PASSWORD).send().expect(201);
        let seed = begun.str("/enrol/secret");
        let reply = self.enter_totp_code(&begun.str("/challenge"), &self.totp(&seed)).expect(201);
        let codes = reply.at("/recovery_codes").as_array().unwrap().clone();
        let recovery_codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        EnrolledStaff {
            staff_id,
            email,
            seed,
            recovery_codes,
            access_token: reply.str("/session/access_token"),
            refresh_token: reply.str("/session/refresh_token"),
            device: reply.str("/device"),
        }
    }

    /// Signs a staff member in again, half a minute later, since each code works once. Returns the reply.
    #[track_caller]
    pub fn sign_in_staff(&self, staff: &EnrolledStaff) -> Reply {
        self.advance(30);
        let begun = self.sign_in_with_password(&staff.email, PASSWORD).send().expect(201);
        self.enter_totp_code(&begun.str("/challenge"), &self.totp(&staff.seed)).expect(201)
    }
}
