//! HTTP handlers for the patient's conversations.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::domain::accounts::{Principal, Scope};
use crate::domain::conversations::{self, Entry, Error};
use crate::kit::ConversationId;
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Body, Code, Page, PageQuery, PathId, Problem, Reply, RequestContext};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::new(Code::ConversationNotFound, "Check the conversation's id."),
            Error::Closed => Self::new(Code::ConversationClosed, "Open the practice's link to start again."),
            Error::Db(error) => error.into(),
        }
    }
}

problems!(EntriesProblems: plain, Unauthorized, ConversationNotFound, InvalidRequest);

/// List conversation entries, oldest first
#[utoipa::path(
    tag = "me", security(("access_token" = [])), params(PathId<ConversationId>, PageQuery),
    responses(
        (status = 200, description = "Entries in order of position", body = Page<Entry>),
        EntriesProblems,
    ),
)]
#[get("/v1/me/conversations/{id}/entries")]
pub(crate) async fn list_entries(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ConversationId>,
    page: Query<PageQuery>,
) -> Result<Json<Page<Entry>>, Problem> {
    let (limit, after) = (page.limit()?, page.after_number()?);
    let entries = service.read_as_patient(&call, Scope::Restricted, move |tx, patient| {
        conversations::entries(tx, patient.access(), &id.0, after, limit + 1)
    });
    Ok(Json(Page::of(entries.await?, limit, |entry| entry.position.to_string())))
}

/// A new message to the practice.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreateEntry {
    /// Plain text, 1 to 4,000 characters.
    #[validate(custom(function = "is_message"))]
    #[schema(example = "Hello, I would like to book a visit.")]
    body: String,
}

fn is_message(body: &str) -> Result<(), ValidationError> {
    if conversations::is_message(body) {
        return Ok(());
    }
    Err(ValidationError::new("length").with_message("A message has 1 to 4,000 characters.".into()))
}

/// The entry that was created.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntryAnswer {
    /// The entry with its position.
    entry: Entry,
}

problems!(CreateEntryProblems: keyed, Unauthorized, ConversationNotFound, ConversationClosed);

/// Send a message to the practice
#[utoipa::path(
    tag = "me", request_body = CreateEntry, security(("access_token" = [])), params(PathId<ConversationId>),
    responses((status = 201, description = "The message was sent", body = EntryAnswer), CreateEntryProblems),
)]
#[post("/v1/me/conversations/{id}/entries")]
pub(crate) async fn create_entry(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ConversationId>,
    body: Body<CreateEntry>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let rule = move |tx: &mut Tx, patient: &Principal| -> Result<_, Error> {
        let entry = conversations::write(tx, patient.access(), &id.0, &input.body)?;
        Ok(Reply::created(&EntryAnswer { entry }))
    };
    service.idempotent_as_patient(&call, &canonical, Scope::Restricted, rule).await
}

/// A new read position of the patient.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct MarkMineRead {
    /// Position of the last entry that was read.
    #[validate(range(min = 1, message = "Positions start at 1."))]
    #[schema(example = 2, minimum = 1)]
    position: i32,
}

/// The read position after the request.
#[derive(Serialize, ToSchema)]
pub(crate) struct MineReadAnswer {
    /// Position of the last entry read; it never goes back.
    #[schema(example = 2)]
    read_position: i32,
}

problems!(MarkMineReadProblems: keyed, Unauthorized, ConversationNotFound);

/// Mark a conversation as read up to an entry
#[utoipa::path(
    tag = "me", request_body = MarkMineRead, security(("access_token" = [])), params(PathId<ConversationId>),
    responses(
        (
            status = 200,
            description = "The current read position; the practice is notified",
            body = MineReadAnswer,
        ),
        MarkMineReadProblems,
    ),
)]
#[post("/v1/me/conversations/{id}/read")]
pub(crate) async fn mark_conversation_read(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ConversationId>,
    body: Body<MarkMineRead>,
) -> Result<HttpResponse, Problem> {
    let Body { value: MarkMineRead { position }, canonical } = body;
    let rule = move |tx: &mut Tx, patient: &Principal| -> Result<_, Error> {
        let read_position = conversations::mark_read(tx, patient.access(), &id.0, position)?;
        Ok(Reply::ok(&MineReadAnswer { read_position }))
    };
    service.idempotent_as_patient(&call, &canonical, Scope::Restricted, rule).await
}
