//! The forms of a conversation: reply, assignee, tags and mark as unread.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::conversation::show_again;
use super::draft::Draft;
use crate::domain::conversations::is_message;
use crate::domain::inbox::{self, Change, Error, Reader};
use crate::domain::links::details;
use crate::domain::staff::{Permission, Staff};
use crate::kit::{ConversationId, StaffId};
use crate::platform::{Service, Tx};
use crate::web::console::layout::{Session, SessionForm};
use crate::web::console::on;
use crate::web::http::{Code, Form, PathId, Problem, Reply, RequestContext};

/// Anchor at the end of a conversation: the last entry and the reply form.
const END: &str = "#end";

/// `POST /console/inbox/{id}/messages`: sends a reply to the patient.
pub(super) async fn reply(
    service: Data<Service>,
    id: PathId<ConversationId>,
    call: RequestContext,
    SessionForm { session, form }: SessionForm,
) -> Result<HttpResponse, Problem> {
    // Browsers send line breaks as CR LF.
    let body = form.field("body").replace("\r\n", "\n");
    let acknowledges = form.field("acknowledge") == "on";
    let draft = Draft { body: body.clone(), acknowledges, ..Draft::default() };
    if !is_message(&body) {
        return show_again(&service, &session, &id, &draft, wrong("/body")).await;
    }
    let (call, canonical) = (with_form_key(call, &session, &form), format!("{acknowledges} {body}"));
    let conversation_id = id.0.clone();
    let rule = move |tx: &mut Tx, staff: &Staff| -> Result<_, Error> {
        let reader = Reader::of(tx, staff)?;
        let entry = inbox::write(tx, &reader, &conversation_id, &body, acknowledges)?;
        Ok(Reply::created(&entry.position))
    };
    let written = service.idempotent_as_staff(&call, canonical.as_bytes(), Permission::ReadPatients, rule);
    match written.await {
        Ok(_) => Ok(on(&format!("/console/inbox/{}{END}", id.0))),
        // The same form is already being processed: its result appears on this page.
        Err(problem) if problem.code == Code::RequestInProgress => {
            Ok(on(&format!("/console/inbox/{}{END}", id.0)))
        }
        Err(problem) => show_again(&service, &session, &id, &draft, problem).await,
    }
}

/// Makes a form idempotent: sent twice, it acts once.
pub(super) fn with_form_key(mut call: RequestContext, session: &Session, form: &Form) -> RequestContext {
    call.bearer = Some(session.secret.clone());
    call.idempotency_key = Some(form.field("key")).filter(|key| !key.is_empty() && key.len() <= 255);
    call
}

/// An error of one form field.
pub(super) fn wrong(pointer: &str) -> Problem {
    Problem::wrong_field(pointer, Code::InvalidRequest.as_str(), "")
}

/// `POST /console/inbox/{id}/assignee`: assigns the conversation.
pub(super) async fn assign(
    service: Data<Service>,
    id: PathId<ConversationId>,
    SessionForm { session, form }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let assignee = Some(form.field("assignee_id")).filter(|to| !to.is_empty()).map(StaffId::from);
    let change = Change { assignee_id: Some(assignee), ..Change::default() };
    match apply(&service, &session, &id, change).await {
        Ok(true) => Ok(on(&format!("/console/inbox/{}?done=assigned", id.0))),
        Ok(false) => Ok(on("/console/inbox?done=handed")),
        Err(problem) => show_again(&service, &session, &id, &Draft::default(), problem).await,
    }
}

/// `POST /console/inbox/{id}/tags`: replaces the conversation's tags.
pub(super) async fn tag(
    service: Data<Service>,
    id: PathId<ConversationId>,
    SessionForm { session, form }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let typed = form.field("tags");
    let draft = Draft { tags: Some(typed.clone()), ..Draft::default() };
    let tags = typed.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    let changed = match details::tags(&tags.map(str::to_owned).collect::<Vec<_>>()) {
        Ok(tags) => apply(&service, &session, &id, Change { tags: Some(tags), ..Change::default() }).await,
        Err(why) => Err(Problem::wrong_field("/tags", "tags", &why.to_string())),
    };
    match changed {
        Ok(_) => Ok(on(&format!("/console/inbox/{}?done=tagged", id.0))),
        Err(problem) => show_again(&service, &session, &id, &draft, problem).await,
    }
}

/// `POST /console/inbox/{id}/unread`: returns to the list, because opening the conversation's page would
/// mark it as read again.
pub(super) async fn mark_unread(
    service: Data<Service>,
    id: PathId<ConversationId>,
    SessionForm { session, .. }: SessionForm,
) -> Result<HttpResponse, Problem> {
    apply(&service, &session, &id, Change { unread: Some(true), ..Change::default() }).await?;
    Ok(on("/console/inbox?done=marked"))
}

/// Changes a conversation; returns whether the member can still see it.
async fn apply(
    service: &Data<Service>,
    session: &Session,
    id: &PathId<ConversationId>,
    change: Change,
) -> Result<bool, Problem> {
    let id = id.0.clone();
    let rule = move |tx: &mut Tx, staff: &Staff| {
        let reader = Reader::of(tx, staff)?;
        inbox::change(tx, &reader, &id, &change)?;
        match inbox::find(tx, &reader, &id) {
            Ok(_) => Ok(true),
            Err(Error::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    };
    service.write_as_staff(session, Permission::ReadPatients, rule).await
}
