//! The practice's side: a practice with staff, and what they ask for.

use practice_links::kit::Email;
use practice_links::practices::Practice;
use practice_links::staff::{self, NewMember, Role};
use serde_json::Value;

use super::{Call, TestApp};

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
        let (staff_id, token) = self.write(|ctx, conn| {
            let member = staff::create(ctx, conn, &new)?.expect("the address is taken");
            let token = staff::mint_token(ctx, &member).expect("no keys");
            Ok((member.id, token.token.expose().to_owned()))
        });
        Desk { practice_id: practice.id.clone(), staff_id, token }
    }

    /// A team of staff members; its id.
    pub fn team(&self, practice: &Practice, name: &str, members: &[&Desk]) -> String {
        let ids: Vec<String> = members.iter().map(|desk| desk.staff_id.clone()).collect();
        let made = self.write(|ctx, conn| staff::create_team(ctx, conn, &practice.id, name, &ids));
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
