//! The steps that most tests share: verify a number, sign up, sign in.

use serde_json::{Value, json};

use super::{Call, DEMO, Reply, TestApp};

/// The `n`-th phone number of the tests, a valid US one: `+1 415 555 2000` and up.
pub fn phone(n: u32) -> String {
    assert!(n < 8000, "the tests have 8,000 numbers");
    format!("+1415555{}", 2000 + n)
}

/// The body of a sign-up for Alex Rivera.
pub fn sign_up_body(proof: &str, link_token: &str) -> Value {
    json!({
        "phone_proof": proof, "link_token": link_token,
        "given_name": "Alex", "family_name": "Rivera", "birth_date": "1987-05-31",
    })
}

/// A verification that was started.
#[derive(Clone, Debug)]
pub struct Verification {
    pub id: String,
    pub secret: String,
    pub phone: String,
    /// The whole reply.
    pub json: Value,
}

/// A patient who has signed up.
#[derive(Clone, Debug)]
pub struct SignedUp {
    pub phone: String,
    pub access_token: String,
    pub refresh_token: String,
    pub account_id: String,
    pub patient_id: String,
    pub pairing_id: String,
    pub conversation_id: String,
    /// The whole reply.
    pub json: Value,
}

impl TestApp {
    /// A link token for `code`, as a tapped link gives one.
    pub fn link_token(&self, code: &str) -> String {
        let body = json!({ "code": code, "source": "universal_link" });
        self.post("/v1/link-tokens", body).send().expect(201).str("/link_token")
    }

    /// Starts a verification through the demo link. Each number calls from an IP address of its own, so that
    /// the rate limit per address does not break tests of something else.
    pub fn start(&self, phone: &str) -> Verification {
        let body = json!({ "phone": phone, "link_token": self.link_token(DEMO) });
        let reply = self.post("/v1/verifications", body).ip(&address_of(phone)).send().expect(201);
        Verification::of(phone, &reply)
    }

    /// Delivers what is queued, and returns the last code sent to `phone` by text or call.
    #[track_caller]
    pub fn code_for(&self, phone: &str) -> String {
        self.deliver_all();
        let code = self.transport.sent_to(phone).into_iter().rev().find_map(|message| message.code);
        code.unwrap_or_else(|| panic!("no code was sent to {phone}"))
    }

    /// Checks a code.
    pub fn check(&self, verification: &Verification, code: &str) -> Reply {
        self.on_verification(verification, "checks", json!({ "code": code })).send()
    }

    /// Requests another message (`sms` or `voice`).
    pub fn resend(&self, verification: &Verification, channel: &str) -> Reply {
        self.on_verification(verification, "sends", json!({ "channel": channel })).send()
    }

    /// A POST to a path below a verification, with its client secret.
    pub fn on_verification(&self, verification: &Verification, what: &str, body: Value) -> Call {
        let path = format!("/v1/verifications/{}/{what}", verification.id);
        self.post(&path, body).bearer(&verification.secret)
    }

    /// Verifies `phone` and returns the phone proof.
    #[track_caller]
    pub fn verify(&self, phone: &str) -> String {
        let verification = self.start(phone);
        let code = self.code_for(phone);
        self.check(&verification, &code).expect(200).str("/phone_proof")
    }

    /// Signs `phone` up at the demo practice, and delivers the practice's notice.
    #[track_caller]
    pub fn sign_up(&self, phone: &str) -> SignedUp {
        self.sign_up_at(phone, DEMO)
    }

    /// Signs `phone` up through any link.
    #[track_caller]
    pub fn sign_up_at(&self, phone: &str, code: &str) -> SignedUp {
        let proof = self.verify(phone);
        let body = sign_up_body(&proof, &self.link_token(code));
        let reply = self.post("/v1/accounts", body).send().expect(201);
        self.deliver_all();
        SignedUp::of(phone, &reply)
    }

    /// Signs `phone` in on a new device and returns the whole reply.
    #[track_caller]
    pub fn sign_in(&self, phone: &str) -> Reply {
        let proof = self.verify(phone);
        let reply = self.post("/v1/sessions", json!({ "phone_proof": proof })).send().expect(201);
        self.deliver_all();
        reply
    }
}

impl Verification {
    /// Reads the 201 of `POST /v1/verifications`.
    pub fn of(phone: &str, reply: &Reply) -> Self {
        Self {
            id: reply.str("/verification/id"),
            secret: reply.str("/client_secret"),
            phone: phone.to_owned(),
            json: reply.json(),
        }
    }
}

impl SignedUp {
    /// Reads the 201 of `POST /v1/accounts`.
    pub fn of(phone: &str, reply: &Reply) -> Self {
        Self {
            phone: phone.to_owned(),
            access_token: reply.str("/session/access_token"),
            refresh_token: reply.str("/session/refresh_token"),
            account_id: reply.str("/account/id"),
            patient_id: reply.str("/patient/id"),
            pairing_id: reply.str("/pairing/id"),
            conversation_id: reply.str("/conversation/id"),
            json: reply.json(),
        }
    }
}

/// One IP address per number, from the benchmarking range (RFC 2544).
fn address_of(phone: &str) -> String {
    let number: u32 =
        phone.chars().filter(char::is_ascii_digit).collect::<String>()[7..].parse().unwrap_or(0);
    format!("198.18.{}.{}", number / 256 % 256, number % 256)
}
