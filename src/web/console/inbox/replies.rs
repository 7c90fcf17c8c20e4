//! The forms of a conversation: reply, assignee, tags and mark as unread.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::conversation::{Draft, again};
use crate::domain::conversations::is_message;
use crate::domain::desk::{Refusal, inbox};
use crate::domain::inbox as conversations;
use crate::domain::inbox::Change;
use crate::domain::links::details;
use crate::kit::ids::{ConversationId, StaffId};
use crate::platform::tx::Service;
use crate::web::console::layout::{Sent, Session};
use crate::web::console::on;
use crate::web::http::{Answer, Call, Code, FieldError, Form, PathId, Problem, once};

/// Anchor at the end of a conversation: the last entry and the reply form.
const END: &str = "#end";

/// `POST /console/inbox/{id}/messages`: sends a reply to the patient.
pub async fn reply(
    service: Data<Service>,
    id: PathId<ConversationId>,
    call: Call,
    Sent { session, form }: Sent,
) -> Result<HttpResponse, Problem> {
    // Browsers send line breaks as CR LF.
    let body = form.field("body").replace("\r\n", "\n");
    let acknowledges = form.field("acknowledge") == "on";
    let draft = Draft { body: body.clone(), acknowledges, ..Draft::default() };
    if !is_message(&body) {
        return again(&service, &session, &id, &draft, wrong("/body")).await;
    }
    let (call, canonical) = (one_time(call, &session, &form), format!("{acknowledges} {body}"));
    let (token, conversation) = (session.token(), id.0.clone());
    let written = once(&service, &call, canonical.as_bytes(), move |tx| {
        let entry = inbox::write(tx, token.as_ref(), &conversation, &body, acknowledges)?;
        Ok::<_, Refusal>(Answer::created(&entry.position))
    });
    match written.await {
        Ok(_) => Ok(on(&format!("/console/inbox/{}{END}", id.0))),
        // The same form is already being processed: its result appears on this page.
        Err(problem) if problem.code == Code::RequestInProgress => {
            Ok(on(&format!("/console/inbox/{}{END}", id.0)))
        }
        Err(problem) => again(&service, &session, &id, &draft, problem).await,
    }
}

/// Makes a form idempotent: sent twice, it acts once.
pub fn one_time(mut call: Call, session: &Session, form: &Form) -> Call {
    call.bearer = session.token();
    call.idempotency_key = Some(form.field("key")).filter(|key| !key.is_empty() && key.len() <= 255);
    call
}

/// An error of one form field.
pub fn wrong(pointer: &str) -> Problem {
    let (pointer, code) = (pointer.to_owned(), Code::InvalidRequest.as_str().to_owned());
    Problem::fields(vec![FieldError { pointer, code, detail: String::new() }])
}

/// `POST /console/inbox/{id}/assignee`: assigns the conversation.
pub async fn assign(
    service: Data<Service>,
    id: PathId<ConversationId>,
    Sent { session, form }: Sent,
) -> Result<HttpResponse, Problem> {
    let assignee = Some(form.field("assignee_id")).filter(|to| !to.is_empty()).map(StaffId::from);
    let change = Change { assignee_id: Some(assignee), ..Change::default() };
    match changed(&service, &session, &id, change).await {
        Ok(true) => Ok(on(&format!("/console/inbox/{}?done=assigned", id.0))),
        Ok(false) => Ok(on("/console/inbox?done=handed")),
        Err(problem) => again(&service, &session, &id, &Draft::default(), problem).await,
    }
}

/// `POST /console/inbox/{id}/tags`: replaces the conversation's tags.
pub async fn tag(
    service: Data<Service>,
    id: PathId<ConversationId>,
    Sent { session, form }: Sent,
) -> Result<HttpResponse, Problem> {
    let typed = form.field("tags");
    let draft = Draft { tags: Some(typed.clone()), ..Draft::default() };
    let words = typed.split(',').map(str::trim).filter(|word| !word.is_empty());
    let changed = match details::tags(&words.map(str::to_owned).collect::<Vec<_>>()) {
        Ok(tags) => changed(&service, &session, &id, Change { tags: Some(tags), ..Change::default() }).await,
        Err(why) => {
            let (pointer, code) = ("/tags".to_owned(), "tags".to_owned());
            Err(Problem::fields(vec![FieldError { pointer, code, detail: why.to_string() }]))
        }
    };
    match changed {
        Ok(_) => Ok(on(&format!("/console/inbox/{}?done=tagged", id.0))),
        Err(problem) => again(&service, &session, &id, &draft, problem).await,
    }
}

/// `POST /console/inbox/{id}/unread`: returns to the list, because opening the conversation's page would
/// mark it as read again.
pub async fn mark_unread(
    service: Data<Service>,
    id: PathId<ConversationId>,
    sent: Sent,
) -> Result<HttpResponse, Problem> {
    changed(&service, &sent.session, &id, Change { unread: Some(true), ..Change::default() }).await?;
    Ok(on("/console/inbox?done=marked"))
}

/// Changes a conversation; returns whether the member can still see it.
async fn changed(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<ConversationId>,
    change: Change,
) -> Result<bool, Problem> {
    let (token, id) = (session.token(), id.0.clone());
    let changed = service.write(move |tx| -> Result<_, Refusal> {
        inbox::change(tx, token.as_ref(), &id, &change)?;
        match inbox::find(tx, token.as_ref(), &id) {
            Ok(_) => Ok(true),
            Err(Refusal::Inbox(conversations::Refusal::NotFound)) => Ok(false),
            Err(other) => Err(other),
        }
    });
    Ok(changed.await?)
}
