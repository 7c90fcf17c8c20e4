//! Renders an outbox row as an invitation or reset e-mail.

use super::{Payload, mail_text, store, url};
use crate::domain::practices;
use crate::kit::Email;
use crate::platform::outbox::{Job, Rendered, Topic};
use crate::platform::{Tx, db};

pub struct PasswordLinkTopic;

impl PasswordLinkTopic {
    pub const NAME: &'static str = "staff_letter";
}

impl Topic for PasswordLinkTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(payload) = job.payload::<Payload>() else { return Ok(Rendered::Unwanted) };
        let token = payload.token(tx);
        let Some(id) = store::find_live(tx.conn, &token.hash(), tx.now)? else {
            return Ok(Rendered::Unwanted);
        };
        let Some(member) = super::super::store::find_active(tx.conn, &id)? else {
            return Ok(Rendered::Unwanted);
        };
        let Some(practice) = practices::find(tx, &member.practice_id)? else {
            return Ok(Rendered::Unwanted);
        };
        let text = mail_text::of(payload.purpose, practice.language);
        let mail = |to| text.render(to, &practice.name, practice.language, &url(tx, &token));
        Ok(Email::parse(&member.email).and_then(mail).into())
    }
}
