//! HTTP handlers of the practice's inbox.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

use super::links::types::{are_tags, present};
use super::wrong;
use crate::domain::conversations::{IdentityState, is_message};
use crate::domain::inbox::{
    self, AssigneeFilter, Card, Change, Contact, Cursor, Error, Filter, InboxEntry, ReadPosition, Reader,
};
use crate::domain::links::details;
use crate::domain::staff::{Permission, Staff};
use crate::kit::{ConversationId, LinkId, StaffId, Timestamp};
use crate::platform::{Service, Tx, db};
use crate::problems;
use crate::web::http::{Body, Code, Page, PageQuery, PathId, Problem, Reply, RequestContext};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::new(Code::ConversationNotFound, "Check the conversation's id."),
            Error::Closed => Self::new(
                Code::ConversationClosed,
                "The patient can open the practice's link to start again.",
            ),
            Error::Unverified => Self::new(
                Code::IdentityUnverified,
                "This patient's identity is not verified: do not write health information. To send it \
                 anyway, add `acknowledge_unverified: true`.",
            ),
            Error::UnknownAssignee => wrong("/assignee_id", "unknown_id", "Your practice has no such id."),
            Error::Db(error) => error.into(),
        }
    }
}

/// Filters of the conversation list; all given filters must match.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InboxQuery {
    /// Only conversations that came through this link.
    #[param(example = "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub link: Option<LinkId>,
    /// Only conversations with this tag.
    #[param(example = "demo")]
    pub tag: Option<String>,
    /// Only conversations in this identity state: `unverified`, `confirmed`, `rejected` or `re_verify`.
    #[param(example = "unverified")]
    pub identity: Option<String>,
    /// Only conversations assigned to this staff member: an id, `me`, or `none` for unassigned.
    #[param(example = "me")]
    pub assignee: Option<String>,
    /// Only conversations with unread entries (`true`) or without any (`false`).
    #[param(value_type = Option<bool>, example = true)]
    pub unread: Option<String>,
}

impl InboxQuery {
    /// Validates the query; the filter itself needs the caller's staff id, for `me`.
    pub(crate) fn into_filter(self) -> Result<impl FnOnce(&StaffId) -> Filter, Problem> {
        let Self { link, tag, identity, assignee, unread } = self;
        let link_id = link.as_ref().map(LinkId::as_str);
        let texts = [("/link", link_id), ("/tag", tag.as_deref()), ("/assignee", assignee.as_deref())];
        if let Some((pointer, _)) =
            texts.iter().find(|(_, text)| text.is_some_and(|text| text.contains('\0')))
        {
            return Err(wrong(pointer, "invalid_request", "This value cannot exist."));
        }
        let identity = identity.map(|text| text.parse::<IdentityState>()).transpose().map_err(|_| {
            let detail = "Use unverified, confirmed, rejected or re_verify.";
            wrong("/identity", "invalid_request", detail)
        })?;
        let unread = match unread.as_deref() {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return Err(wrong("/unread", "invalid_request", "Use true or false.")),
        };
        Ok(move |me: &StaffId| {
            let assignee = assignee.map(|text| match text.as_str() {
                "none" => AssigneeFilter::Unassigned,
                "me" => AssigneeFilter::Staff(me.to_owned()),
                _ => AssigneeFilter::Staff(text.into()),
            });
            Filter { link, tag, identity, assignee, unread }
        })
    }
}

/// Formats a page cursor as `millis.id`.
pub(crate) fn format_cursor(cursor: &Cursor) -> String {
    format!("{}.{}", cursor.last_entry_at.millis(), cursor.id)
}

/// Parses a page cursor; an empty key is the first page.
pub(crate) fn parse_cursor(key: &str) -> Result<Option<Cursor>, Problem> {
    if key.is_empty() {
        return Ok(None);
    }
    let parts = key.split_once('.').and_then(|(millis, id)| Some((millis.parse().ok()?, id.into())));
    let (millis, id) = parts.ok_or_else(|| wrong("/cursor", "invalid_request", "Invalid cursor."))?;
    Ok(Some(Cursor { last_entry_at: Timestamp::from_millis(millis), id }))
}

problems!(ListConversationsProblems: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// List conversations, most recent entry first
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(InboxQuery, PageQuery),
    responses(
        (
            status = 200,
            description = "The conversations that this staff member may see. A conversation with a new entry \
                moves to the front and is not listed a second time",
            body = Page<Card>,
        ),
        ListConversationsProblems,
    ),
)]
#[get("/v1/practice/conversations")]
pub(crate) async fn list_conversations(
    service: Data<Service>,
    call: RequestContext,
    query: Query<InboxQuery>,
    page: Query<PageQuery>,
) -> Result<Json<Page<Card>>, Problem> {
    let filter = query.into_inner().into_filter()?;
    let (limit, after) = (page.limit()?, parse_cursor(&page.after()?)?);
    let cards = service.read_as_staff(&call, Permission::ReadPatients, move |tx, staff| -> db::Result<_> {
        let reader = Reader::of(tx, staff)?;
        inbox::list(tx, &reader, &filter(&staff.staff_id), after.as_ref(), limit + 1)
    });
    Ok(Json(Page::of(cards.await?, limit, |card: &Card| format_cursor(&card.cursor()))))
}

/// One conversation of the inbox.
#[derive(Serialize, ToSchema)]
#[schema(as = InboxConversationAnswer)]
pub(crate) struct ConversationAnswer {
    /// The conversation as listed in the inbox.
    conversation: Card,
    /// The patient's contact details, to compare with your records.
    contact: Contact,
}

impl From<(Card, Contact)> for ConversationAnswer {
    fn from((conversation, contact): (Card, Contact)) -> Self {
        Self { conversation, contact }
    }
}

problems!(GetConversationProblems: plain, Unauthorized, StaffForbidden, ConversationNotFound);

/// Get a conversation and the patient's contact details
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<ConversationId>),
    responses(
        (
            status = 200,
            description = "The conversation, and the contact details to compare with your records",
            body = ConversationAnswer,
        ),
        GetConversationProblems,
    ),
)]
#[get("/v1/practice/conversations/{id}")]
pub(crate) async fn get_conversation(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ConversationId>,
) -> Result<Json<ConversationAnswer>, Problem> {
    let found = service.read_as_staff(&call, Permission::ReadPatients, move |tx, staff| {
        let reader = Reader::of(tx, staff)?;
        inbox::find(tx, &reader, &id.0)
    });
    Ok(Json(found.await?.into()))
}

/// Changes of a conversation; omitted fields stay unchanged.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct ChangeConversation {
    /// The staff member who answers it, or `null` for unassigned.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<StaffId>)]
    assignee_id: Option<Option<StaffId>>,
    /// The complete new list of tags.
    #[validate(custom(function = "are_tags"))]
    #[schema(example = json!(["demo"]))]
    tags: Option<Vec<String>>,
    /// Whether the conversation is marked as unread.
    #[schema(example = false)]
    unread: Option<bool>,
}

problems!(ChangeConversationProblems: body, Unauthorized, StaffForbidden, ConversationNotFound);

/// Update a conversation's assignee, tags or unread mark
#[utoipa::path(
    tag = "practice", request_body = ChangeConversation, security(("staff_token" = [])),
    params(PathId<ConversationId>),
    responses(
        (
            status = 200,
            description = "The conversation after the change. A caller who reassigns it may lose access to \
                it",
            body = ConversationAnswer,
        ),
        ChangeConversationProblems,
    ),
)]
#[patch("/v1/practice/conversations/{id}")]
pub(crate) async fn change_conversation(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ConversationId>,
    body: Body<ChangeConversation>,
) -> Result<Json<ConversationAnswer>, Problem> {
    let ChangeConversation { assignee_id, tags, unread } = body.value;
    let tags = tags.as_deref().map(details::tags).transpose();
    let tags = tags.map_err(|why| wrong("/tags", "tags", &why.to_string()))?;
    let change = Change { assignee_id, tags, unread };
    let changed = service.write_as_staff(&call, Permission::ReadPatients, move |tx, staff| {
        let reader = Reader::of(tx, staff)?;
        inbox::change(tx, &reader, &id.0, &change)
    });
    Ok(Json(changed.await?.into()))
}

problems!(
    ListInboxEntriesProblems: plain,
    Unauthorized, StaffForbidden, ConversationNotFound, InvalidRequest
);

/// List conversation entries, oldest first
#[utoipa::path(
    tag = "practice", operation_id = "list_conversation_entries", security(("staff_token" = [])),
    params(PathId<ConversationId>, PageQuery),
    responses(
        (status = 200, description = "Entries in order, oldest first", body = Page<InboxEntry>),
        ListInboxEntriesProblems,
    ),
)]
#[get("/v1/practice/conversations/{id}/entries")]
pub(crate) async fn list_conversation_entries(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ConversationId>,
    page: Query<PageQuery>,
) -> Result<Json<Page<InboxEntry>>, Problem> {
    let (limit, after) = (page.limit()?, page.after_number()?);
    let entries = service.read_as_staff(&call, Permission::ReadPatients, move |tx, staff| {
        let reader = Reader::of(tx, staff)?;
        inbox::entries(tx, &reader, &id.0, after, limit + 1)
    });
    Ok(Json(Page::of(entries.await?, limit, |entry| entry.position.to_string())))
}

/// A message to the patient.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct WriteToPatient {
    /// Plain text, 1 to 4,000 characters.
    #[validate(custom(function = "is_writable"))]
    #[schema(example = "Would Tuesday suit you?")]
    body: String,
    /// Confirms that the writer knows that the patient's identity is not verified.
    /// Required once per conversation.
    #[serde(default)]
    #[schema(example = true)]
    acknowledge_unverified: bool,
}

fn is_writable(body: &str) -> Result<(), ValidationError> {
    match is_message(body) {
        true => Ok(()),
        false => {
            Err(ValidationError::new("length").with_message("A message has 1 to 4,000 characters.".into()))
        }
    }
}

/// One entry of a conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct InboxEntryAnswer {
    /// The entry that was written.
    entry: InboxEntry,
}

problems!(
    WriteToPatientProblems: keyed,
    Unauthorized, StaffForbidden, ConversationNotFound, ConversationClosed, IdentityUnverified
);

/// Send a message to the patient
#[utoipa::path(
    tag = "practice", request_body = WriteToPatient, security(("staff_token" = [])),
    params(PathId<ConversationId>),
    responses(
        (status = 201, description = "The message was sent", body = InboxEntryAnswer),
        WriteToPatientProblems,
    ),
)]
#[post("/v1/practice/conversations/{id}/entries")]
pub(crate) async fn write_to_patient(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ConversationId>,
    body: Body<WriteToPatient>,
) -> Result<HttpResponse, Problem> {
    let Body { value: WriteToPatient { body, acknowledge_unverified }, canonical } = body;
    let rule = move |tx: &mut Tx, staff: &Staff| -> Result<_, Error> {
        let reader = Reader::of(tx, staff)?;
        let entry = inbox::write(tx, &reader, &id.0, &body, acknowledge_unverified)?;
        Ok(Reply::created(&InboxEntryAnswer { entry }))
    };
    service.idempotent_as_staff(&call, &canonical, Permission::ReadPatients, rule).await
}

/// A read position to store.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct MarkRead {
    /// Position of the last entry that was read, counted from 1.
    #[validate(range(min = 1, message = "Positions start at 1."))]
    #[schema(example = 2, minimum = 1)]
    pub position: i32,
}

/// The practice's read position.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReadAnswer {
    /// Position of the last entry that the practice has read; it never decreases.
    #[schema(example = 2)]
    read_position: i32,
    /// Whether the patient has written since then.
    unread: bool,
}

problems!(ReadProblems: keyed, Unauthorized, StaffForbidden, ConversationNotFound);

/// Mark a conversation as read by the practice
#[utoipa::path(
    tag = "practice", request_body = MarkRead, security(("staff_token" = [])), params(PathId<ConversationId>),
    responses(
        (status = 200, description = "The current read position; the patient can see it", body = ReadAnswer),
        ReadProblems,
    ),
)]
#[post("/v1/practice/conversations/{id}/read")]
pub(crate) async fn mark_conversation_read_by_practice(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ConversationId>,
    body: Body<MarkRead>,
) -> Result<HttpResponse, Problem> {
    let Body { value: MarkRead { position }, canonical } = body;
    let rule = move |tx: &mut Tx, staff: &Staff| -> Result<_, Error> {
        let reader = Reader::of(tx, staff)?;
        let ReadPosition { position: read_position, unread } =
            inbox::mark_read(tx, &reader, &id.0, position)?;
        Ok(Reply::ok(&ReadAnswer { read_position, unread }))
    };
    service.idempotent_as_staff(&call, &canonical, Permission::ReadPatients, rule).await
}
