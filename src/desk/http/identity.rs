//! Who is it, over the wire.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::super::Refusal;
use super::super::identity::{self as desk, Asked, Look};
use super::print::PrintQuery;
use super::wrong;
use crate::app::App;
use crate::conversations::identity::{Decision, Method, State, Verdict};
use crate::conversations::inbox::{Card, Waiting};
use crate::http::{Answer, Body, Call, Id, Page, PageQuery, Problem, once};
use crate::identity::matching::{Agreement, Grade};
use crate::identity::{self, FieldView, Finding, Record};
use crate::kit::{Secret, Timestamp};
use crate::printing;
use crate::refusals;

/// One field of a person and of a record.
#[derive(Serialize, ToSchema)]
#[schema(as = ComparedField)]
pub struct ComparedView {
    /// `given_name`, `family_name`, `birth_date`, `phone` or `email`.
    #[schema(example = "phone")]
    field: &'static str,
    /// What the person gave.
    #[schema(required = true, example = "+14155552671")]
    given: Option<String>,
    /// What the record says now. What it said before counts too: the field can agree though this differs.
    #[schema(required = true, example = "+14155552671")]
    on_record: Option<String>,
    /// How far they agree.
    agrees: Agreement,
    /// Whether what the person gave is proven to be theirs; names and birth dates never are.
    proven: bool,
}

/// A record that could be meant.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityCandidate)]
pub struct CandidateView {
    /// The record.
    record: Record,
    /// Field by field.
    fields: Vec<ComparedView>,
}

/// What was decided.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityDecision)]
pub struct DecisionView {
    /// Its id.
    #[schema(example = "idd_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// `confirm`, `reject`, `undo` or `re_verify`.
    #[schema(example = "confirm")]
    decision: String,
    /// How it was confirmed; of a `re_verify` why: `number_changed`, `new_device` or `details_changed`.
    #[schema(required = true, example = "call_back")]
    method: Option<String>,
    /// In the words of whoever decided.
    #[schema(required = true, example = "Called the number on record.")]
    note: Option<String>,
    /// Who: a staff member; of what no person decided, an account or `system`.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    by: String,
    /// The record that the person is.
    #[schema(required = true, example = "rec_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    record_id: Option<String>,
    /// Where the conversation stood.
    before: State,
    /// Where it stood then.
    after: State,
    /// When.
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

/// What the practice knows of a conversation's person.
#[derive(Serialize, ToSchema)]
#[schema(as = Identity)]
pub struct IdentityView {
    /// The conversation.
    #[schema(example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    conversation_id: String,
    /// How sure the practice is.
    state: State,
    /// Whether health information may be written.
    phi_allowed: bool,
    /// Since when it stands so.
    since: Timestamp,
    /// How far the person agrees with the records, as they are now.
    grade: Grade,
    /// When that was kept; `null` until the first look, seconds after a pairing.
    #[schema(required = true)]
    graded_at: Option<Timestamp>,
    /// What to do, while it is not confirmed.
    #[schema(required = true)]
    advice: Option<&'static str>,
    /// The records that could be meant, those who agree in more first.
    candidates: Vec<CandidateView>,
    /// What was decided, oldest first.
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
            advice: (!state.allows_phi()).then(|| identity::advice(language)),
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
            fields: identity::compared(&subject, &record, &compared).into_iter().map(view).collect(),
            record,
        })
        .collect()
}

/// What is known of a conversation's person.
#[derive(Serialize, ToSchema)]
pub struct IdentityAnswer {
    /// It.
    identity: IdentityView,
}

refusals!(GetIdentityRefusals: plain, Unauthorized, StaffForbidden, ConversationNotFound);

/// Shows how far a conversation's person agrees with the practice's records
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The conversation", example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "The grade, field by field, and what was decided", body = IdentityAnswer), GetIdentityRefusals))]
#[get("/v1/practice/conversations/{id}/identity")]
pub async fn get_identity(app: Data<App>, call: Call, id: Id) -> Result<Json<IdentityAnswer>, Problem> {
    let look = app.read(move |ctx, conn| desk::look(ctx, conn, call.bearer.as_ref(), &id.0)).await?;
    Ok(Json(IdentityAnswer { identity: look.into() }))
}

refusals!(ProofRefusals: plain, Unauthorized, StaffForbidden, ConversationNotFound, InvalidRequest);

/// Who it is, how you know, and what was shown, on one page
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The conversation", example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607"), PrintQuery),
    responses((status = 200, description = "PDF; that it was taken away is in the audit", content_type = "application/pdf", body = Vec<u8>), ProofRefusals))]
#[get("/v1/practice/conversations/{id}/proof.pdf")]
pub async fn get_proof(
    app: Data<App>,
    call: Call,
    id: Id,
    query: Query<PrintQuery>,
) -> Result<HttpResponse, Problem> {
    proof(&app, call.bearer, id, query.into_inner()).await
}

/// Drawn in the studio, where it holds nothing of the database.
pub async fn proof(
    app: &Data<App>,
    token: Option<Secret>,
    id: Id,
    query: PrintQuery,
) -> Result<HttpResponse, Problem> {
    let file = format!("inline; filename=\"identity-{}.pdf\"", id.0);
    let (language, paper) = (query.language(), query.paper());
    let page = app.write(move |ctx, conn| desk::proof(ctx, conn, token.as_ref(), &id.0, language)).await?;
    let drawn = app.studio.draw(move || printing::dossier(&page, paper));
    let bytes = drawn.await.map_err(Refusal::Unprintable)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/pdf"))
        .insert_header((CONTENT_DISPOSITION, file))
        .body(bytes))
}

/// What can be decided.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IdentityVerdict)]
pub enum Word {
    /// It is them: `method` says how you made sure.
    Confirm,
    /// It is not: the conversation closes for the patient in neutral words.
    Reject,
    /// The last decision was wrong; for admins.
    Undo,
}

/// How staff make sure.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConfirmationMethod)]
pub enum GivenMethod {
    /// Number and e-mail address are those of one record.
    RecordMatch,
    /// Called at the number on record.
    CallBack,
    /// At the desk.
    InPerson,
    /// Asked for the birth date.
    DateOfBirth,
    /// Saw an identity document with a picture.
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

/// A decision.
#[derive(Deserialize, Validate, ToSchema)]
pub struct DecideIdentity {
    /// What is decided.
    decision: Word,
    /// How you made sure; with `confirm`, and only there.
    method: Option<GivenMethod>,
    /// In your own words, up to 500 characters; the practice alone reads it.
    #[validate(custom(function = "is_note"))]
    #[schema(example = "Called the number on record.")]
    note: Option<String>,
    /// The record that the person is: one of the candidates. With `record_match` it is said where there are several.
    #[schema(example = "rec_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    record_id: Option<String>,
    /// With `reject`: whether the patient's number may not be paired with your practice again.
    #[serde(default)]
    #[schema(example = false)]
    block_number: bool,
}

fn is_note(note: &str) -> Result<(), ValidationError> {
    match note.chars().count() {
        0..=500 => Ok(()),
        _ => Err(ValidationError::new("length").with_message("A note has up to 500 characters.".into())),
    }
}

impl DecideIdentity {
    fn asked(self) -> Result<Asked, Problem> {
        let verdict = match (self.decision, self.method) {
            (Word::Confirm, Some(method)) => Verdict::Confirm(method.into()),
            (Word::Confirm, None) => return Err(wrong("/method", "required", "Say how you made sure.")),
            (_, Some(_)) => return Err(wrong("/method", "unknown_value", "Only a confirmation has one.")),
            (Word::Reject, None) => Verdict::Reject { block: self.block_number },
            (Word::Undo, None) => Verdict::Undo,
        };
        let note = self.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
        Ok(Asked { verdict, note, record_id: self.record_id })
    }
}

/// A decision, and what it made of the conversation.
#[derive(Serialize, ToSchema)]
pub struct DecisionAnswer {
    /// The decision.
    decision: DecisionView,
    /// The conversation as it is now.
    conversation: Card,
}

refusals!(DecideIdentityRefusals: keyed, Unauthorized, StaffForbidden, ConversationNotFound, ConversationClosed, IdentityDecided, NothingToUndo);

/// Decides who a conversation's person is
#[utoipa::path(tag = "practice", request_body = DecideIdentity, security(("staff_token" = [])), params(("id" = String, Path, description = "The conversation", example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 201, description = "The decision stands, and is kept for six years", body = DecisionAnswer), DecideIdentityRefusals))]
#[post("/v1/practice/conversations/{id}/identity/decisions")]
pub async fn decide_identity(
    app: Data<App>,
    call: Call,
    id: Id,
    body: Body<DecideIdentity>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (asked, bearer) = (input.asked()?, call.bearer.clone());
    once(&app, &call, &canonical, move |ctx, conn| {
        let (decision, conversation) = desk::decide(ctx, conn, bearer.as_ref(), &id.0, &asked)?;
        Ok::<_, Refusal>(Answer::created(&DecisionAnswer { decision: decision.into(), conversation }))
    })
    .await
}

/// A conversation that waits for somebody to look who it is.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityTask)]
pub struct TaskView {
    /// The conversation; `identity_since` says since when it waits.
    conversation: Card,
    /// How far the person agrees with the records; `null` until the first look, seconds after a pairing.
    #[schema(required = true)]
    grade: Option<String>,
    /// How many records could be meant.
    #[schema(example = 1)]
    candidates: i32,
}

/// What a page's cursor holds.
pub fn written(waiting: &Waiting) -> String {
    format!("{}.{}", waiting.since.millis(), waiting.id)
}

/// The same, read.
pub fn cursor(key: &str) -> Result<Option<Waiting>, Problem> {
    if key.is_empty() {
        return Ok(None);
    }
    let parts = key.split_once('.').and_then(|(millis, id)| Some((millis.parse().ok()?, id.to_owned())));
    let (millis, id) =
        parts.ok_or_else(|| wrong("/cursor", "invalid_request", "This cursor is not one of ours."))?;
    Ok(Some(Waiting { since: Timestamp::from_millis(millis), id }))
}

refusals!(ListIdentityRefusals: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// Lists the conversations whose person nobody has confirmed, those first that have waited longest
#[utoipa::path(tag = "practice", operation_id = "list_identity_tasks", security(("staff_token" = [])), params(PageQuery),
    responses((status = 200, description = "The work-list of this staff member", body = Page<TaskView>), ListIdentityRefusals))]
#[get("/v1/practice/identity")]
pub async fn list_waiting(
    app: Data<App>,
    call: Call,
    page: Query<PageQuery>,
) -> Result<Json<Page<TaskView>>, Problem> {
    let (limit, after) = (page.limit()?, cursor(&page.after()?)?);
    let found = app
        .read(move |ctx, conn| desk::waiting(ctx, conn, call.bearer.as_ref(), after.as_ref(), limit + 1))
        .await?;
    let tasks = found.into_iter().map(|(conversation, grading)| TaskView {
        candidates: grading.as_ref().map_or(0, |grading| grading.candidates),
        grade: grading.map(|grading| grading.grade),
        conversation,
    });
    Ok(Json(Page::of(tasks.collect(), limit, |task| written(&task.conversation.waiting()))))
}
