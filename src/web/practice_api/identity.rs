//! HTTP handlers of the identity check.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::print_kit::PrintQuery;
use super::wrong;
use crate::domain::desk::Refusal;
use crate::domain::desk::identity as desk;
use crate::domain::desk::identity::{Asked, Look};
use crate::domain::identity::grading::matching::{Agreement, Grade};
use crate::domain::identity::grading::{self, FieldView, Finding, Record};
use crate::domain::identity::{Decision, Method, State, Verdict};
use crate::domain::inbox::{Card, Waiting};
use crate::domain::printing;
use crate::domain::printing::RenderPool;
use crate::kit::ids::{ConversationId, DecisionId, RecordId};
use crate::kit::{Secret, Timestamp};
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Answer, Body, Call, Page, PageQuery, PathId, Problem, once};

/// One field, as given by the patient and as on record.
#[derive(Serialize, ToSchema)]
#[schema(as = ComparedField)]
pub struct ComparedView {
    /// The compared field: `given_name`, `family_name`, `birth_date`, `phone` or `email`.
    #[schema(example = "phone")]
    field: &'static str,
    /// The value that the patient gave.
    #[schema(required = true, example = "+14155552671")]
    given: Option<String>,
    /// The current value on record. Earlier values are compared too, so a field can agree
    /// although this one differs.
    #[schema(required = true, example = "+14155552671")]
    on_record: Option<String>,
    /// How closely the two values agree.
    agrees: Agreement,
    /// Whether the patient proved this value; names and birth dates are never proven.
    proven: bool,
}

/// A record that may be the patient's.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityCandidate)]
pub struct CandidateView {
    /// The record of the practice.
    record: Record,
    /// The comparison, field by field.
    fields: Vec<ComparedView>,
}

/// A decision about a patient's identity.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityDecision)]
pub struct DecisionView {
    /// The id of the decision.
    id: DecisionId,
    /// The decision: `confirm`, `reject`, `undo` or `re_verify`.
    #[schema(example = "confirm")]
    decision: String,
    /// How identity was confirmed; for `re_verify` the reason:
    /// `number_changed`, `new_device` or `details_changed`.
    #[schema(required = true, example = "call_back")]
    method: Option<String>,
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
    before: State,
    /// The identity state after the decision.
    after: State,
    /// When the decision was made.
    created_at: Timestamp,
}

impl From<Decision> for DecisionView {
    fn from(decision: Decision) -> Self {
        Self {
            before: State::from_word(&decision.state_before),
            after: State::from_word(&decision.state_after),
            id: decision.id,
            decision: decision.kind,
            method: decision.method,
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
pub struct IdentityView {
    /// The conversation whose patient is checked.
    conversation_id: ConversationId,
    /// The current identity state of the conversation.
    state: State,
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

impl From<Look> for IdentityView {
    fn from(look: Look) -> Self {
        let Look { card, finding, grading, decisions, language } = look;
        let state = State::from_word(&card.identity);
        Self {
            conversation_id: card.id,
            state,
            phi_allowed: state.allows_phi(),
            since: card.identity_since,
            grade: finding.verdict.grade,
            graded_at: grading.map(|grading| grading.graded_at),
            advice: (!state.allows_phi()).then(|| grading::advice(language)),
            candidates: candidates(finding),
            decisions: decisions.into_iter().map(Into::into).collect(),
        }
    }
}

fn candidates(finding: Finding) -> Vec<CandidateView> {
    let Finding { subject, verdict, records } = finding;
    let view = |FieldView { field, given, on_record, agrees, proven }: FieldView<'_>| ComparedView {
        field,
        given: given.map(str::to_owned),
        on_record: on_record.map(str::to_owned),
        agrees,
        proven,
    };
    records
        .into_iter()
        .zip(verdict.candidates)
        .map(|(record, compared)| CandidateView {
            fields: grading::compared(&subject, &record, &compared).into_iter().map(view).collect(),
            record,
        })
        .collect()
}

/// The identity check of one conversation.
#[derive(Serialize, ToSchema)]
pub struct IdentityAnswer {
    /// State, grade, candidates and decisions.
    identity: IdentityView,
}

refusals!(GetIdentityRefusals: plain, Unauthorized, StaffForbidden, ConversationNotFound);

/// Get the identity check of a conversation
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The conversation", example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "The grade, the comparison field by field, and the decisions", body = IdentityAnswer), GetIdentityRefusals))]
#[get("/v1/practice/conversations/{id}/identity")]
pub async fn get_identity(
    service: Data<Service>,
    call: Call,
    id: PathId<ConversationId>,
) -> Result<Json<IdentityAnswer>, Problem> {
    let look = service.read(move |tx| desk::look(tx, call.bearer.as_ref(), &id.0)).await?;
    Ok(Json(IdentityAnswer { identity: look.into() }))
}

refusals!(ProofRefusals: plain, Unauthorized, StaffForbidden, ConversationNotFound, InvalidRequest);

/// Download the proof of identity as a one-page PDF
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The conversation", example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607"), PrintQuery),
    responses((status = 200, description = "PDF: who the patient is, how the practice knows, and which texts were shown. The download is recorded in the audit log", content_type = "application/pdf", body = Vec<u8>), ProofRefusals))]
#[get("/v1/practice/conversations/{id}/proof.pdf")]
pub async fn get_identity_proof(
    service: Data<Service>,
    pool: Data<RenderPool>,
    call: Call,
    id: PathId<ConversationId>,
    query: Query<PrintQuery>,
) -> Result<HttpResponse, Problem> {
    proof(&service, &pool, call.bearer, id, query.into_inner()).await
}

/// Renders the page in the render pool, where no database connection is held.
pub async fn proof(
    service: &Data<Service>,
    pool: &RenderPool,
    token: Option<Secret>,
    id: PathId<ConversationId>,
    query: PrintQuery,
) -> Result<HttpResponse, Problem> {
    let file = format!("inline; filename=\"identity-{}.pdf\"", id.0);
    let (language, paper) = (query.language(), query.paper());
    let page = service.write(move |tx| desk::proof(tx, token.as_ref(), &id.0, language)).await?;
    let drawn = pool.draw(move || printing::dossier(&page, paper));
    let bytes = drawn.await.map_err(Refusal::Unprintable)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/pdf"))
        .insert_header((CONTENT_DISPOSITION, file))
        .body(bytes))
}

/// An identity decision that staff can make.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IdentityVerdict)]
pub enum Word {
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
pub enum GivenMethod {
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

impl From<GivenMethod> for Method {
    fn from(method: GivenMethod) -> Self {
        match method {
            GivenMethod::RecordMatch => Self::RecordMatch,
            GivenMethod::CallBack => Self::CallBack,
            GivenMethod::InPerson => Self::InPerson,
            GivenMethod::DateOfBirth => Self::DateOfBirth,
            GivenMethod::PhotoId => Self::PhotoId,
        }
    }
}

/// A decision about the patient's identity.
#[derive(Deserialize, Validate, ToSchema)]
pub struct DecideIdentity {
    /// The decision to make.
    decision: Word,
    /// How you made sure: required with `confirm`, not allowed otherwise.
    method: Option<GivenMethod>,
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
    fn asked(self) -> Result<Asked, Problem> {
        let verdict = match (self.decision, self.method) {
            (Word::Confirm, Some(method)) => Verdict::Confirm(method.into()),
            (Word::Confirm, None) => return Err(wrong("/method", "required", "Choose a method.")),
            (_, Some(_)) => return Err(wrong("/method", "unknown_value", "Use a method only to confirm.")),
            (Word::Reject, None) => Verdict::Reject { block: self.block_number },
            (Word::Undo, None) => Verdict::Undo,
        };
        let note = self.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
        Ok(Asked { verdict, note, record_id: self.record_id })
    }
}

/// A decision and the conversation after it.
#[derive(Serialize, ToSchema)]
pub struct DecisionAnswer {
    /// The decision that was made.
    decision: DecisionView,
    /// The conversation after the decision.
    conversation: Card,
}

refusals!(DecideIdentityRefusals: keyed, Unauthorized, StaffForbidden, ConversationNotFound, ConversationClosed, IdentityDecided, NothingToUndo);

/// Confirm, reject or undo a patient's identity
#[utoipa::path(tag = "practice", request_body = DecideIdentity, security(("staff_token" = [])), params(("id" = String, Path, description = "The conversation", example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 201, description = "The decision was stored; it is kept for six years", body = DecisionAnswer), DecideIdentityRefusals))]
#[post("/v1/practice/conversations/{id}/identity/decisions")]
pub async fn decide_identity(
    service: Data<Service>,
    call: Call,
    id: PathId<ConversationId>,
    body: Body<DecideIdentity>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (asked, bearer) = (input.asked()?, call.bearer.clone());
    once(&service, &call, &canonical, move |tx| {
        let (decision, conversation) = desk::decide(tx, bearer.as_ref(), &id.0, &asked)?;
        Ok::<_, Refusal>(Answer::created(&DecisionAnswer { decision: decision.into(), conversation }))
    })
    .await
}

/// A conversation that waits for an identity check.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityTask)]
pub struct TaskView {
    /// The conversation; `identity_since` says since when it waits.
    conversation: Card,
    /// How well the patient matches the records; `null` until the first matching, seconds after the pairing.
    #[schema(required = true)]
    grade: Option<String>,
    /// Number of records that may be the patient's.
    #[schema(example = 1)]
    candidates: i32,
}

/// Formats a page cursor as `millis.id`.
pub fn written(waiting: &Waiting) -> String {
    format!("{}.{}", waiting.since.millis(), waiting.id)
}

/// Parses a page cursor; an empty key is the first page.
pub fn cursor(key: &str) -> Result<Option<Waiting>, Problem> {
    if key.is_empty() {
        return Ok(None);
    }
    let parts = key.split_once('.').and_then(|(millis, id)| Some((millis.parse().ok()?, id.into())));
    let (millis, id) = parts.ok_or_else(|| wrong("/cursor", "invalid_request", "Invalid cursor."))?;
    Ok(Some(Waiting { since: Timestamp::from_millis(millis), id }))
}

refusals!(ListIdentityRefusals: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// List conversations that wait for an identity check
#[utoipa::path(tag = "practice", operation_id = "list_identity_tasks", security(("staff_token" = [])), params(PageQuery),
    responses((status = 200, description = "The identity checks of this staff member, longest wait first", body = Page<TaskView>), ListIdentityRefusals))]
#[get("/v1/practice/identity")]
pub async fn list_identity_tasks(
    service: Data<Service>,
    call: Call,
    page: Query<PageQuery>,
) -> Result<Json<Page<TaskView>>, Problem> {
    let (limit, after) = (page.limit()?, cursor(&page.after()?)?);
    let found =
        service.read(move |tx| desk::waiting(tx, call.bearer.as_ref(), after.as_ref(), limit + 1)).await?;
    let tasks = found.into_iter().map(|(conversation, grading)| TaskView {
        candidates: grading.as_ref().map_or(0, |grading| grading.candidates),
        grade: grading.map(|grading| grading.grade),
        conversation,
    });
    Ok(Json(Page::of(tasks.collect(), limit, |task| written(&task.conversation.waiting()))))
}
