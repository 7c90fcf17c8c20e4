//! The practice's side: a practice with staff, and what they ask for.

use practice_links::domain::practices::Practice;
use practice_links::domain::staff::{self, NewMember, Role, letter};
use practice_links::kit::Email;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret};

use super::{Call, Reply, TestApp};

/// What the staff of these tests sign in with.
pub const PASSWORD: &str = "correct horse battery";

/// A staff member of a practice.
#[derive(Clone)]
pub struct Desk {
    pub practice_id: String,
    pub staff_id: String,
    pub token: String,
}

impl TestApp {
    /// A staff member of a practice, as `admin staff create` makes one.
    pub fn desk(&self, practice: &Practice, name: &str, role: Role) -> Desk {
        let new = NewMember {
            practice_id: practice.id.clone(),
            email: Email::parse(&format!("{name}@{}.example", practice.id.replace('_', "-"))).unwrap(),
            name: name.into(),
            role,
        };
        let (staff_id, token) = self.write(|tx| {
            let member = staff::create(tx, &new)?.expect("the address is taken");
            let token = staff::mint_token(tx, &member).expect("no keys");
            Ok((member.id, token.token.expose().to_owned()))
        });
        Desk { practice_id: practice.id.clone(), staff_id, token }
    }

    /// A team of staff members; its id.
    pub fn team(&self, practice: &Practice, name: &str, members: &[&Desk]) -> String {
        let ids: Vec<String> = members.iter().map(|desk| desk.staff_id.clone()).collect();
        let made = self.write(|tx| staff::create_team(tx, &practice.id, name, &ids));
        made.expect("the name is taken").id
    }

    /// Makes a link through the API; the link.
    #[track_caller]
    pub fn make_link(&self, desk: &Desk, body: Value) -> Value {
        as_desk(desk, self.post("/v1/practice/links", body)).send().expect(201).at("/link")
    }
}

/// A call by a staff member.
pub fn as_desk(desk: &Desk, call: Call) -> Call {
    call.bearer(&desk.token)
}

/// A staff member who signs in, with an authenticator app in hand.
#[derive(Clone)]
pub struct Person {
    pub staff_id: String,
    pub email: String,
    /// The authenticator app's seed, once it is set up.
    pub seed: String,
    pub recovery_codes: Vec<String>,
    pub access_token: String,
    pub refresh_token: String,
    pub device: String,
}

impl TestApp {
    /// The code that an authenticator app shows for `seed` now.
    pub fn totp(&self, seed: &str) -> String {
        let secret = Secret::try_from_base32(seed).unwrap();
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_secret(secret);
        let now = u64::try_from(self.now().seconds()).unwrap();
        builder.with_step_duration(30).build().unwrap().generate(now).to_string()
    }

    /// An invited staff member: id, address, and the token of the invitation, as `admin staff create` prints it.
    pub fn invited(&self, practice: &Practice, name: &str, role: Role) -> (String, String, String) {
        let email = format!("{name}@{}.example", practice.id.replace('_', "-"));
        let new = NewMember {
            practice_id: practice.id.clone(),
            email: Email::parse(&email).unwrap(),
            name: name.into(),
            role,
        };
        self.write(|tx| {
            let member = staff::create(tx, &new)?.expect("the address is taken");
            let token = letter::invitation(tx, &member)?;
            Ok((member.id, email.clone(), token.expose().to_owned()))
        })
    }

    /// Chooses a password by a letter's token.
    pub fn choose_password(&self, token: &str, password: &str) -> Reply {
        self.post("/v1/staff/passwords", json!({ "token": token, "password": password })).send()
    }

    /// The first factor.
    pub fn give_password(&self, email: &str, password: &str) -> Call {
        self.post("/v1/staff/sessions", json!({ "email": email, "password": password }))
    }

    /// The second factor.
    pub fn give_code(&self, challenge: &str, code: &str) -> Reply {
        self.post("/v1/staff/sessions/totp", json!({ "challenge": challenge, "code": code })).send()
    }

    /// A staff member who has been through all of it: invitation, password, enrolment.
    #[track_caller]
    pub fn person(&self, practice: &Practice, name: &str, role: Role) -> Person {
        let (staff_id, email, token) = self.invited(practice, name, role);
        self.choose_password(&token, PASSWORD).expect(200);
        let begun = self.give_password(&email, PASSWORD).send().expect(201);
        let seed = begun.str("/enrol/secret");
        let reply = self.give_code(&begun.str("/challenge"), &self.totp(&seed)).expect(201);
        let codes = reply.at("/recovery_codes").as_array().unwrap().clone();
        let recovery_codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        Person {
            staff_id,
            email,
            seed,
            recovery_codes,
            access_token: reply.str("/session/access_token"),
            refresh_token: reply.str("/session/refresh_token"),
            device: reply.str("/device"),
        }
    }

    /// Signs a staff member in again, half a minute later, since each code is good once; the answer.
    #[track_caller]
    pub fn sign_in_staff(&self, person: &Person) -> Reply {
        self.advance(30);
        let begun = self.give_password(&person.email, PASSWORD).send().expect(201);
        self.give_code(&begun.str("/challenge"), &self.totp(&person.seed)).expect(201)
    }
}
