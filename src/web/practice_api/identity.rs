//! HTTP handlers of the identity check.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::print_kit::PrintQuery;
use super::wrong;
use crate::domain::conversations::IdentityState;
use crate::domain::identity::grading::matching::Grade;
use crate::domain::identity::grading::{self, ComparedField, Finding, Record, StoredGrade};
use crate::domain::identity::{
    Basis, Decision, Error, IdentityCheck, Kind, Method, StaffDecision, Verdict, check,
};
use crate::domain::inbox::{self, Card, WorkListCursor};
use crate::domain::printing::{self, RenderPool};
use crate::domain::proof_pack;
use crate::domain::staff::{Permission, Staff};
use crate::kit::{ConversationId, DecisionId, RecordId, Timestamp};
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Body, Caller, Code, Page, PageQuery, PathId, Problem, Reply, RequestContext};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => inbox::Error::NotFound.into(),
            Error::Closed => inbox::Error::Closed.into(),
            Error::Decided(state) => Self::new(
                Code::IdentityDecided,
                format!("The identity is already {state}. An admin can undo the decision."),
            ),
            Error::NothingToUndo => {
                Self::new(Code::NothingToUndo, "The last change was not a staff decision.")
            }
            Error::NotACandidate => {
                wrong("/record_id", "unknown_id", "This record is not among the candidates.")
            }
            Error::RecordRequired => {
                wrong("/record_id", "required", "Say which record it is, or choose another method.")
            }
            Error::Inbox(error) => error.into(),
            Error::Staff(error) => error.into(),
            Error::Db(error) => error.into(),
        }
    }
}

/// A record that may be the patient's.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityCandidate)]
pub(crate) struct CandidateView {
    /// The record of the practice.
    record: Record,
    /// The comparison, field by field.
    fields: [ComparedField; 5],
}

/// A decision about a patient's identity.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityDecision)]
pub(crate) struct DecisionView {
    /// The id of the decision.
    id: DecisionId,
    /// What was decided.
    decision: Kind,
    /// How identity was confirmed; for `re_verify` the reason.
    #[schema(required = true)]
    method: Option<Basis>,
    /// A note in the words of the staff member.
    #[schema(required = true, example = "Called the number on record.")]
    note: Option<String>,
    /// The id of the staff member; for automatic decisions an account's id or `system`.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    by: String,
    /// The record that belongs to the patient.
    #[schema(required = true)]
    record_id: Option<RecordId>,
    /// The identity state before the decision.
    before: IdentityState,
    /// The identity state after the decision.
    after: IdentityState,
    /// When the decision was made.
    created_at: Timestamp,
}

impl From<Decision> for DecisionView {
    fn from(decision: Decision) -> Self {
        Self {
            before: decision.state_before,
            after: decision.state_after,
            id: decision.id,
            decision: decision.kind,
            method: decision.basis,
            note: decision.note,
            by: decision.actor,
            record_id: decision.record_id,
            created_at: decision.created_at,
        }
    }
}

/// The identity check of one conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = Identity)]
pub(crate) struct IdentityView {
    /// The conversation whose patient is checked.
    conversation_id: ConversationId,
    /// The current identity state of the conversation.
    state: IdentityState,
    /// Whether health information (PHI) may be written.
    phi_allowed: bool,
    /// Since when the conversation is in this state.
    since: Timestamp,
    /// How well the patient matches the current records.
    grade: Grade,
    /// When the grade was stored; `null` until the first matching, seconds after the pairing.
    #[schema(required = true)]
    graded_at: Option<Timestamp>,
    /// What staff should do, while identity is not confirmed.
    #[schema(required = true)]
    advice: Option<&'static str>,
    /// Records that may be the patient's, best match first.
    candidates: Vec<CandidateView>,
    /// All decisions about this patient's identity, oldest first.
    decisions: Vec<DecisionView>,
}

impl From<IdentityCheck> for IdentityView {
    fn from(check: IdentityCheck) -> Self {
        let IdentityCheck { card, finding, grade, decisions, language } = check;
        let state = card.identity;
        Self {
            conversation_id: card.id,
            state,
            phi_allowed: state.allows_phi(),
            since: card.identity_since,
            grade: finding.matched.grade,
            graded_at: grade.map(|grade| grade.graded_at),
            advice: (!state.allows_phi()).then(|| grading::advice(language)),
            candidates: candidates(finding),
            decisions: decisions.into_iter().map(Into::into).collect(),
        }
    }
}

fn candidates(finding: Finding) -> Vec<CandidateView> {
    let Finding { subject, matched, records } = finding;
    let candidate = |(record, found)| CandidateView {
        fields: grading::compared_fields(&subject, &record, &found),
        record,
    };
    records.into_iter().zip(matched.candidates).map(candidate).collect()
}

/// The identity check of one conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct IdentityAnswer {
    /// State, grade, candidates and decisions.
    identity: IdentityView,
}

problems!(GetIdentityProblems: plain, Unauthorized, StaffForbidden, ConversationNotFound);

/// Get the identity check of a conversation
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<ConversationId>),
    responses(
        (
            status = 200,
            description = "The grade, the comparison field by field, and the decisions",
            body = IdentityAnswer,
        ),
        GetIdentityProblems,
    ),
)]
#[get("/v1/practice/conversations/{id}/identity")]
pub(crate) async fn get_identity(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ConversationId>,
) -> Result<Json<IdentityAnswer>, Problem> {
    let found = service
        .read_as_staff(&call, Permission::ReadPatients, move |tx, staff| check::find(tx, staff, &id.0));
    Ok(Json(IdentityAnswer { identity: found.await?.into() }))
}

problems!(ProofProblems: plain, Unauthorized, StaffForbidden, ConversationNotFound, InvalidRequest);

/// Download the proof of identity as a one-page PDF
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<ConversationId>, PrintQuery),
    responses(
        (
            status = 200,
            description = "PDF: who the patient is, how the practice knows, and which texts were shown. The \
                download is recorded in the audit log",
            content_type = "application/pdf",
            body = Vec<u8>,
        ),
        ProofProblems,
    ),
)]
#[get("/v1/practice/conversations/{id}/proof.pdf")]
pub(crate) async fn get_identity_proof(
    service: Data<Service>,
    pool: Data<RenderPool>,
    call: RequestContext,
    id: PathId<ConversationId>,
    query: Query<PrintQuery>,
) -> Result<HttpResponse, Problem> {
    proof(&service, &pool, &call, id, query.into_inner()).await
}

/// Renders the page in the render pool, where no database connection is held.
pub(crate) async fn proof(
    service: &Service,
    pool: &RenderPool,
    caller: &impl Caller,
    id: PathId<ConversationId>,
    query: PrintQuery,
) -> Result<HttpResponse, Problem> {
    let file = format!("inline; filename=\"identity-{}.pdf\"", id.0);
    let (language, paper) = (query.language(), query.paper());
    let page = service.write_as_staff(caller, Permission::ReadPatients, move |tx, staff| {
        proof_pack::export(tx, staff, &id.0, language)
    });
    let page = page.await?;
    let drawn = pool.draw(move || printing::fact_sheet(&page, paper));
    let bytes = drawn.await?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/pdf"))
        .insert_header((CONTENT_DISPOSITION, file))
        .body(bytes))
}

/// An identity decision that staff can make.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IdentityVerdict)]
pub(crate) enum DecisionChoice {
    /// The patient is who they claim to be: `method` says how you made sure.
    Confirm,
    /// They are not: the conversation closes, and the patient sees only neutral wording.
    Reject,
    /// The last decision was wrong; only admins can undo it.
    Undo,
}

/// How staff confirm a patient's identity.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConfirmationMethod)]
pub enum StaffMethod {
    /// Phone number and e-mail address both match one record.
    RecordMatch,
    /// Staff called the phone number on record.
    CallBack,
    /// The patient was identified in person at reception.
    InPerson,
    /// Staff asked for the date of birth.
    DateOfBirth,
    /// Staff saw an identity document with a photo.
    PhotoId,
}

impl From<StaffMethod> for Method {
    fn from(method: StaffMethod) -> Self {
        match method {
            StaffMethod::RecordMatch => Self::RecordMatch,
            StaffMethod::CallBack => Self::CallBack,
            StaffMethod::InPerson => Self::InPerson,
            StaffMethod::DateOfBirth => Self::DateOfBirth,
            StaffMethod::PhotoId => Self::PhotoId,
        }
    }
}

/// A decision about the patient's identity.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct DecideIdentity {
    /// The decision to make.
    decision: DecisionChoice,
    /// How you made sure: required with `confirm`, not allowed otherwise.
    method: Option<StaffMethod>,
    /// A note of up to 500 characters; only the practice can read it.
    #[validate(custom(function = "is_note"))]
    #[schema(example = "Called the number on record.")]
    note: Option<String>,
    /// The patient's record, one of the candidates. Required with `record_match` when
    /// there are several candidates.
    record_id: Option<RecordId>,
    /// With `reject`: whether to block the patient's number from pairing with your practice again.
    #[serde(default)]
    #[schema(example = false)]
    block_number: bool,
}

fn is_note(note: &str) -> Result<(), ValidationError> {
    match note.chars().count() {
        0..=500 => Ok(()),
        _ => Err(ValidationError::new("length").with_message("A note can have up to 500 characters.".into())),
    }
}

impl DecideIdentity {
    fn into_decision(self) -> Result<StaffDecision, Problem> {
        let verdict = match (self.decision, self.method) {
            (DecisionChoice::Confirm, Some(method)) => Verdict::Confirm(method.into()),
            (DecisionChoice::Confirm, None) => return Err(wrong("/method", "required", "Choose a method.")),
            (_, Some(_)) => return Err(wrong("/method", "unknown_value", "Use a method only to confirm.")),
            (DecisionChoice::Reject, None) => Verdict::Reject { block: self.block_number },
            (DecisionChoice::Undo, None) => Verdict::Undo,
        };
        let note = self.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
        Ok(StaffDecision { verdict, note, record_id: self.record_id })
    }
}

/// A decision and the conversation after it.
#[derive(Serialize, ToSchema)]
pub(crate) struct DecisionAnswer {
    /// The decision that was made.
    decision: DecisionView,
    /// The conversation after the decision.
    conversation: Card,
}

problems!(DecideIdentityProblems: keyed,
    Unauthorized, StaffForbidden, ConversationNotFound, ConversationClosed, IdentityDecided, NothingToUndo);

/// Confirm, reject or undo a patient's identity
#[utoipa::path(
    tag = "practice", request_body = DecideIdentity, security(("staff_token" = [])),
    params(PathId<ConversationId>),
    responses(
        (
            status = 201,
            description = "The decision was stored; it is kept for six years",
            body = DecisionAnswer,
        ),
        DecideIdentityProblems,
    ),
)]
#[post("/v1/practice/conversations/{id}/identity/decisions")]
pub(crate) async fn decide_identity(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<ConversationId>,
    body: Body<DecideIdentity>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let requested = input.into_decision()?;
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Error> {
        let (decision, conversation) = check::decide(tx, staff, &id.0, &requested)?;
        Ok(Reply::created(&DecisionAnswer { decision: decision.into(), conversation }))
    };
    service.idempotent_as_staff(&call, &canonical, Permission::ReadPatients, rule).await
}

/// A conversation that waits for an identity check.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityTask)]
pub(crate) struct TaskView {
    /// The conversation; `identity_since` says since when it waits.
    conversation: Card,
    /// How well the patient matches the records; `null` until the first matching, seconds after the pairing.
    #[schema(required = true)]
    grade: Option<Grade>,
    /// Number of records that may be the patient's.
    #[schema(example = 1)]
    candidates: i32,
}

impl From<(Card, Option<StoredGrade>)> for TaskView {
    fn from((conversation, grade): (Card, Option<StoredGrade>)) -> Self {
        let candidates = grade.as_ref().map_or(0, |grade| grade.candidates);
        Self { conversation, grade: grade.map(|grade| grade.grade), candidates }
    }
}

/// Formats a page cursor as `millis.id`.
pub(crate) fn format_cursor(waiting: &WorkListCursor) -> String {
    format!("{}.{}", waiting.since.millis(), waiting.id)
}

/// Parses a page cursor; an empty key is the first page.
pub(crate) fn parse_cursor(key: &str) -> Result<Option<WorkListCursor>, Problem> {
    if key.is_empty() {
        return Ok(None);
    }
    let parts = key.split_once('.').and_then(|(millis, id)| Some((millis.parse().ok()?, id.into())));
    let (millis, id) = parts.ok_or_else(|| wrong("/cursor", "invalid_request", "Invalid cursor."))?;
    Ok(Some(WorkListCursor { since: Timestamp::from_millis(millis), id }))
}

problems!(ListIdentityProblems: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// List conversations that wait for an identity check
#[utoipa::path(
    tag = "practice", operation_id = "list_identity_tasks", security(("staff_token" = [])), params(PageQuery),
    responses(
        (
            status = 200,
            description = "The identity checks of this staff member, longest wait first",
            body = Page<TaskView>,
        ),
        ListIdentityProblems,
    ),
)]
#[get("/v1/practice/identity")]
pub(crate) async fn list_identity_tasks(
    service: Data<Service>,
    call: RequestContext,
    page: Query<PageQuery>,
) -> Result<Json<Page<TaskView>>, Problem> {
    let (limit, after) = (page.limit()?, parse_cursor(&page.after()?)?);
    let found = service.read_as_staff(&call, Permission::ReadPatients, move |tx, staff| {
        check::list_waiting(tx, staff, after.as_ref(), limit + 1)
    });
    let tasks = found.await?.into_iter().map(TaskView::from);
    Ok(Json(Page::of(tasks.collect(), limit, |task| format_cursor(&task.conversation.work_list_cursor()))))
}
