//! Identity decisions, and the proof of identity as PDF.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};

use super::conversation::{Draft, again};
use super::panel::METHODS;
use super::replies::{one_time, wrong};
use crate::domain::desk::Refusal;
use crate::domain::desk::identity::{self, Asked};
use crate::domain::identity::Verdict;
use crate::domain::printing::RenderPool;
use crate::kit::ids::{ConversationId, RecordId};
use crate::platform::tx::Service;
use crate::web::console::layout::{Sent, Session};
use crate::web::console::on;
use crate::web::http::{Answer, Call, Code, Form, PathId, Problem, once};
use crate::web::practice_api::identity::proof as proof_file;
use crate::web::practice_api::print_kit::PrintQuery;

/// Same limit as in the API, in characters.
const LONGEST_NOTE: usize = 500;

/// `POST /console/inbox/{id}/identity`: confirms, rejects or undoes.
pub async fn decide(
    service: Data<Service>,
    id: PathId<ConversationId>,
    call: Call,
    Sent { session, form }: Sent,
) -> Result<HttpResponse, Problem> {
    let draft = drafted(&form);
    let asked = match asked(&draft) {
        Ok(asked) => asked,
        Err(problem) => return again(&service, &session, &id, &draft, problem).await,
    };
    let call = one_time(call, &session, &form);
    let (record, blocks) = (draft.record_id.as_ref().map_or("", RecordId::as_str), draft.blocks.to_string());
    let canonical = [&*draft.decision, &*draft.method, record, &*draft.note, &*blocks].join("\n");
    let (token, conversation) = (session.token(), id.0.clone());
    let decided = once(&service, &call, canonical.as_bytes(), move |tx| {
        let (decision, _) = identity::decide(tx, token.as_ref(), &conversation, &asked)?;
        Ok::<_, Refusal>(Answer::created(&decision.id))
    });
    match decided.await {
        Ok(_) => Ok(on(&format!("/console/inbox/{}?done={}", id.0, draft.decision))),
        Err(problem) if problem.code == Code::RequestInProgress => {
            Ok(on(&format!("/console/inbox/{}", id.0)))
        }
        Err(problem) => again(&service, &session, &id, &draft, problem).await,
    }
}

fn drafted(form: &Form) -> Draft {
    Draft {
        decision: form.field("decision"),
        method: form.field("method"),
        record_id: Some(form.field("record_id")).filter(|id| !id.is_empty()).map(RecordId::from),
        note: form.field("note").replace("\r\n", "\n").trim().to_owned(),
        blocks: form.field("block_number") == "on",
        ..Draft::default()
    }
}

fn asked(draft: &Draft) -> Result<Asked, Problem> {
    if draft.note.chars().count() > LONGEST_NOTE {
        return Err(wrong("/note"));
    }
    let verdict = match draft.decision.as_str() {
        "confirm" => {
            let method = METHODS.into_iter().find(|method| method.as_str() == draft.method);
            Verdict::Confirm(method.ok_or_else(|| wrong("/method"))?)
        }
        "reject" => Verdict::Reject { block: draft.blocks },
        "undo" => Verdict::Undo,
        _ => return Err(Problem::new(Code::MalformedRequest, "Choose one of the buttons.")),
    };
    let note = Some(draft.note.clone()).filter(|note| !note.is_empty());
    Ok(Asked { verdict, note, record_id: draft.record_id.clone() })
}

/// `GET /console/inbox/{id}/proof.pdf`: the proof of identity.
pub async fn proof(
    service: Data<Service>,
    pool: Data<RenderPool>,
    session: Session,
    id: PathId<ConversationId>,
    query: Query<PrintQuery>,
) -> Result<HttpResponse, Problem> {
    proof_file(&service, &pool, session.token(), id, query.into_inner()).await
}
