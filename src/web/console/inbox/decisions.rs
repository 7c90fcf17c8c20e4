//! Identity decisions, and the proof of identity as PDF.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};

use super::conversation::show_again;
use super::draft::Draft;
use super::panel::METHODS;
use super::replies::{with_form_key, wrong};
use crate::domain::identity::{Error, Kind, StaffDecision, Verdict, check};
use crate::domain::printing::RenderPool;
use crate::domain::staff::{Permission, Staff};
use crate::kit::{ConversationId, RecordId};
use crate::platform::{Service, Tx};
use crate::web::console::layout::{Session, SessionForm};
use crate::web::console::on;
use crate::web::http::{Code, Form, PathId, Problem, Reply, RequestContext};
use crate::web::practice_api::identity::proof as proof_file;
use crate::web::practice_api::print_kit::PrintQuery;

/// Same limit as in the API, in characters.
const LONGEST_NOTE: usize = 500;

/// `POST /console/inbox/{id}/identity`: confirms, rejects or undoes.
pub(super) async fn decide(
    service: Data<Service>,
    id: PathId<ConversationId>,
    call: RequestContext,
    SessionForm { session, form }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let draft = draft_of(&form);
    let requested = match requested(&draft) {
        Ok(requested) => requested,
        Err(problem) => return show_again(&service, &session, &id, &draft, problem).await,
    };
    let call = with_form_key(call, &session, &form);
    let (record, blocks) = (draft.record_id.as_ref().map_or("", RecordId::as_str), draft.blocks.to_string());
    let canonical = [&*draft.decision, &*draft.method, record, &*draft.note, &*blocks].join("\n");
    let conversation_id = id.0.clone();
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Error> {
        let (decision, _) = check::decide(tx, staff, &conversation_id, &requested)?;
        Ok(Reply::created(&decision.id))
    };
    match service.idempotent_as_staff(&call, canonical.as_bytes(), Permission::ReadPatients, rule).await {
        Ok(_) => Ok(on(&format!("/console/inbox/{}?done={}", id.0, draft.decision))),
        Err(problem) if problem.code == Code::RequestInProgress => {
            Ok(on(&format!("/console/inbox/{}", id.0)))
        }
        Err(problem) => show_again(&service, &session, &id, &draft, problem).await,
    }
}

fn draft_of(form: &Form) -> Draft {
    Draft {
        decision: form.field("decision"),
        method: form.field("method"),
        record_id: Some(form.field("record_id")).filter(|id| !id.is_empty()).map(RecordId::from),
        note: form.field("note").replace("\r\n", "\n").trim().to_owned(),
        blocks: form.field("block_number") == "on",
        ..Draft::default()
    }
}

fn requested(draft: &Draft) -> Result<StaffDecision, Problem> {
    if draft.note.chars().count() > LONGEST_NOTE {
        return Err(wrong("/note"));
    }
    let verdict = match draft.decision.parse() {
        Ok(Kind::Confirm) => {
            let method = METHODS.into_iter().find(|method| method.as_str() == draft.method);
            Verdict::Confirm(method.ok_or_else(|| wrong("/method"))?)
        }
        Ok(Kind::Reject) => Verdict::Reject { block: draft.blocks },
        Ok(Kind::Undo) => Verdict::Undo,
        Ok(Kind::ReVerify) | Err(_) => {
            return Err(Problem::new(Code::MalformedRequest, "Choose one of the buttons."));
        }
    };
    let note = Some(draft.note.clone()).filter(|note| !note.is_empty());
    Ok(StaffDecision { verdict, note, record_id: draft.record_id.clone() })
}

/// `GET /console/inbox/{id}/proof.pdf`: the proof of identity.
pub(super) async fn proof(
    service: Data<Service>,
    pool: Data<RenderPool>,
    session: Session,
    id: PathId<ConversationId>,
    query: Query<PrintQuery>,
) -> Result<HttpResponse, Problem> {
    proof_file(&service, &pool, &session, id, query.into_inner()).await
}
