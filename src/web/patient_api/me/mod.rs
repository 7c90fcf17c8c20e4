//! HTTP handlers for the signed-in patient's own data.

pub mod check_in;
pub mod events;
pub mod phone;

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, delete, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::domain::accounts::{self, Person, PersonChange, Relation, Scope};
use crate::domain::conversations::{Conversation, Entry, Paired, Pairing};
use crate::domain::me::Refusal;
use crate::kit::ids::{ConversationId, PairingId, PatientId, PendingPairingId};
use crate::kit::{Secret, Timestamp};
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Answer, Body, Call, Code, Page, PageQuery, PathId, Problem, once};
use crate::web::patient_api::accounts::{AccountView, PatientView, is_birth_date, is_name};
use crate::web::patient_api::entry_point::lead;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Account(account) => account.into(),
            Refusal::Lead(lead) => lead.into(),
            Refusal::Pairing(pairing) => pairing.into(),
            Refusal::PairingNotFound => Self::new(Code::PairingNotFound, "Check the pairing's id."),
            Refusal::ConversationNotFound => {
                Self::new(Code::ConversationNotFound, "Check the conversation's id.")
            }
            Refusal::ConversationClosed => {
                Self::new(Code::ConversationClosed, "Open the practice's link to start again.")
            }
            Refusal::Db(error) => error.into(),
        }
    }
}

/// The signed-in account and its patients.
#[derive(Serialize, ToSchema)]
pub struct MeAnswer {
    /// The account that is signed in.
    account: AccountView,
    /// The patients on the account that this session may see.
    patients: Vec<PatientView>,
    /// Access scope of this session.
    scope: Scope,
    /// The account's e-mail address. `null` for a restricted session: the number may have
    /// another owner by now.
    #[schema(required = true)]
    email: Option<OwnEmail>,
}

/// The account's own e-mail address.
#[derive(Serialize, ToSchema)]
pub struct OwnEmail {
    /// The e-mail address as it was entered.
    #[schema(example = "alex@example.com")]
    address: String,
    /// Time at which the address was proven; `null` if it is not.
    #[schema(required = true)]
    proven_at: Option<Timestamp>,
}

refusals!(SignedInRefusals: plain, Unauthorized);

/// Get the account and its patients
#[utoipa::path(tag = "me", security(("access_token" = [])), responses((status = 200, description = "The account and its patients", body = MeAnswer), SignedInRefusals))]
#[get("/v1/me")]
pub async fn get_me(service: Data<Service>, call: Call) -> Result<Json<MeAnswer>, Problem> {
    let answer = service.read(move |tx| {
        let who = accounts::authenticate(tx, call.bearer.as_ref())?;
        let (account, patients) = crate::domain::me::overview(tx, &who)?;
        let patients = patients.into_iter().map(PatientView::from).collect();
        let proven_at = account.email_proven_at;
        let email = account.email.clone().filter(|_| who.scope == Scope::Full);
        let email = email.map(|address| OwnEmail { address, proven_at });
        Ok::<_, Refusal>(MeAnswer { account: AccountView::of(&account), patients, scope: who.scope, email })
    });
    Ok(Json(answer.await?))
}

refusals!(DeleteMeRefusals: plain, Unauthorized, SessionRestricted);

/// Delete the account and end its pairings
#[utoipa::path(tag = "me", security(("access_token" = [])), responses((status = 204, description = "Pairings and sessions have ended; number, e-mail and birth dates are erased"), DeleteMeRefusals))]
#[delete("/v1/me")]
pub async fn delete_me(service: Data<Service>, call: Call) -> Result<HttpResponse, Problem> {
    service
        .write(move |tx| {
            let who = accounts::authenticate_to_change(tx, call.bearer.as_ref())?;
            accounts::delete(tx, &who)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A further patient on the account.
#[derive(Deserialize, Validate, ToSchema)]
pub struct CreatePatient {
    /// The patient's given name, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Sam")]
    given_name: String,
    /// The patient's family name, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Rivera")]
    family_name: String,
    /// Birth date, an ISO 8601 date.
    #[validate(custom(function = "is_birth_date"))]
    #[schema(example = "2019-02-11")]
    birth_date: Option<String>,
    /// Relation to the account holder; by default `other`.
    #[serde(default = "other")]
    #[schema(example = "child")]
    relation: Relation,
}

fn other() -> Relation {
    Relation::Other
}

/// One patient on the account.
#[derive(Serialize, ToSchema)]
pub struct PatientAnswer {
    /// The patient with all details.
    patient: PatientView,
}

refusals!(CreatePatientRefusals: keyed, Unauthorized);

/// Add a patient to the account
#[utoipa::path(tag = "me", request_body = CreatePatient, security(("access_token" = [])), responses((status = 201, description = "The patient was added", body = PatientAnswer), CreatePatientRefusals))]
#[post("/v1/me/patients")]
pub async fn create_patient(
    service: Data<Service>,
    call: Call,
    body: Body<CreatePatient>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    once(&service, &call, &canonical, move |tx| {
        let who = accounts::authenticate_to_change(tx, bearer.as_ref())?;
        let person =
            Person::new(&input.given_name, &input.family_name, input.birth_date).as_relation(input.relation);
        let patient = accounts::add_patient(tx, &who, &person)?;
        Ok::<_, Refusal>(Answer::created(&PatientAnswer { patient: patient.into() }))
    })
    .await
}

/// A change of a patient's details; omitted fields stay as they are.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangePatient {
    /// The patient's given name, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Samuel")]
    given_name: Option<String>,
    /// The patient's family name, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Rivera")]
    family_name: Option<String>,
    /// Birth date, an ISO 8601 date.
    #[validate(custom(function = "is_birth_date"))]
    #[schema(example = "2019-02-11")]
    birth_date: Option<String>,
}

refusals!(ChangePatientRefusals: body, Unauthorized, PatientNotFound);

/// Change a patient's details
#[utoipa::path(tag = "me", request_body = ChangePatient, security(("access_token" = [])), params(("id" = String, Path, description = "The patient", example = "pat_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "The patient after the change", body = PatientAnswer), ChangePatientRefusals))]
#[patch("/v1/me/patients/{id}")]
pub async fn change_patient(
    service: Data<Service>,
    call: Call,
    id: PathId<PatientId>,
    body: Body<ChangePatient>,
) -> Result<Json<PatientAnswer>, Problem> {
    let input = body.value;
    let trimmed = |name: Option<String>| name.map(|name| name.trim().to_owned());
    let change = PersonChange {
        given_name: trimmed(input.given_name),
        family_name: trimmed(input.family_name),
        birth_date: input.birth_date,
    };
    let patient = service.write(move |tx| {
        let who = accounts::authenticate_to_change(tx, call.bearer.as_ref())?;
        accounts::change_patient(tx, &who, &id.0, &change)
    });
    Ok(Json(PatientAnswer { patient: patient.await?.into() }))
}

/// The input for pairing a patient with a practice.
#[derive(Deserialize, Validate, ToSchema)]
pub struct CreatePairing {
    /// The link token of the practice's link.
    #[schema(example = "eyJ0eXAiOiJsaW5rK2p3dCIsImFsZyI6IkVkRFNBIn0.e30.c2ln")]
    link_token: Option<Secret>,
    /// Instead of `link_token`: a pending pairing of the account's number.
    pending_pairing_id: Option<PendingPairingId>,
    /// Instead of `link_token`: the last part of the link in an invite's text.
    #[schema(example = "3q2-7wAAAAAAAAAAAAAAAA")]
    invite_token: Option<Secret>,
    /// The patient to pair; by default the first one on the account.
    patient_id: Option<PatientId>,
}

/// A pairing and its conversation.
#[derive(Serialize, ToSchema)]
pub struct PairingAnswer {
    /// The pairing of patient and practice.
    pairing: Pairing,
    /// The conversation of that pairing.
    conversation: Conversation,
}

impl From<Paired> for PairingAnswer {
    fn from(paired: Paired) -> Self {
        Self { pairing: paired.pairing, conversation: paired.conversation }
    }
}

refusals!(CreatePairingRefusals: keyed, Unauthorized, SessionRestricted, PatientNotFound, LinkTokenInvalid, LinkPaused, PendingPairingGone, InviteGone, InviteEmailUnproven, PairingRefused);

/// Pair a patient with a practice
#[utoipa::path(tag = "me", request_body = CreatePairing, security(("access_token" = [])),
    responses((status = 201, description = "The pairing was created", body = PairingAnswer), (status = 200, description = "The pairing existed already, with the same conversation", body = PairingAnswer), CreatePairingRefusals))]
#[post("/v1/pairings")]
pub async fn create_pairing(
    service: Data<Service>,
    call: Call,
    body: Body<CreatePairing>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    let lead = lead(input.link_token, input.pending_pairing_id, input.invite_token)?;
    once(&service, &call, &canonical, move |tx| {
        let who = accounts::authenticate_to_change(tx, bearer.as_ref())?;
        let paired = match crate::domain::me::pair(tx, &who, &lead, input.patient_id.as_ref())? {
            crate::domain::me::Pairing::Done(paired) => *paired,
            crate::domain::me::Pairing::Refused(refusal) => return Ok(Answer::Refused(refusal.into())),
        };
        let is_new = paired.is_new;
        let view = PairingAnswer::from(paired);
        Ok::<_, Refusal>(if is_new { Answer::created(&view) } else { Answer::ok(&view) })
    })
    .await
}

refusals!(ListRefusals: plain, Unauthorized, InvalidRequest);

/// List the account's open pairings
#[utoipa::path(tag = "me", security(("access_token" = [])), params(PageQuery), responses((status = 200, description = "Open pairings, oldest first", body = Page<PairingAnswer>), ListRefusals))]
#[get("/v1/me/pairings")]
pub async fn list_pairings(
    service: Data<Service>,
    call: Call,
    page: Query<PageQuery>,
) -> Result<Json<Page<PairingAnswer>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let pairings = service.read(move |tx| {
        let who = accounts::authenticate(tx, call.bearer.as_ref())?;
        Ok::<_, Refusal>(crate::domain::me::pairings(tx, &who, &after, limit + 1)?)
    });
    let items = pairings.await?.into_iter().map(PairingAnswer::from).collect();
    Ok(Json(Page::of(items, limit, |item: &PairingAnswer| item.pairing.id.to_string())))
}

refusals!(LeaveRefusals: plain, Unauthorized, PairingNotFound);

/// End a pairing with a practice
#[utoipa::path(tag = "me", security(("access_token" = [])), params(("id" = String, Path, description = "The pairing", example = "pai_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 204, description = "The pairing has ended, and its conversation is closed"), LeaveRefusals))]
#[delete("/v1/me/pairings/{id}")]
pub async fn delete_pairing(
    service: Data<Service>,
    call: Call,
    id: PathId<PairingId>,
) -> Result<HttpResponse, Problem> {
    service
        .write(move |tx| {
            let who = accounts::authenticate_to_change(tx, call.bearer.as_ref())?;
            crate::domain::me::leave(tx, &who, &id.0)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

refusals!(EntriesRefusals: plain, Unauthorized, ConversationNotFound, InvalidRequest);

/// List conversation entries, oldest first
#[utoipa::path(tag = "me", security(("access_token" = [])), params(("id" = String, Path, description = "The conversation", example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607"), PageQuery),
    responses((status = 200, description = "Entries in order of position", body = Page<Entry>), EntriesRefusals))]
#[get("/v1/me/conversations/{id}/entries")]
pub async fn list_entries(
    service: Data<Service>,
    call: Call,
    id: PathId<ConversationId>,
    page: Query<PageQuery>,
) -> Result<Json<Page<Entry>>, Problem> {
    let (limit, after) = (page.limit()?, page.after_number()?);
    let entries = service.read(move |tx| {
        let who = accounts::authenticate(tx, call.bearer.as_ref())?;
        crate::domain::me::entries(tx, &who, &id.0, after, limit + 1)
    });
    Ok(Json(Page::of(entries.await?, limit, |entry| entry.position.to_string())))
}

/// A new message to the practice.
#[derive(Deserialize, Validate, ToSchema)]
pub struct CreateEntry {
    /// Plain text, 1 to 4,000 characters.
    #[validate(custom(function = "is_message"))]
    #[schema(example = "Hello, I would like to book a visit.")]
    body: String,
}

fn is_message(body: &str) -> Result<(), ValidationError> {
    if crate::domain::conversations::is_message(body) {
        return Ok(());
    }
    Err(ValidationError::new("length").with_message("A message has 1 to 4,000 characters.".into()))
}

/// The entry that was created.
#[derive(Serialize, ToSchema)]
pub struct EntryAnswer {
    /// The entry with its position.
    entry: Entry,
}

refusals!(CreateEntryRefusals: keyed, Unauthorized, ConversationNotFound, ConversationClosed);

/// Send a message to the practice
#[utoipa::path(tag = "me", request_body = CreateEntry, security(("access_token" = [])), params(("id" = String, Path, description = "The conversation", example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 201, description = "The message was sent", body = EntryAnswer), CreateEntryRefusals))]
#[post("/v1/me/conversations/{id}/entries")]
pub async fn create_entry(
    service: Data<Service>,
    call: Call,
    id: PathId<ConversationId>,
    body: Body<CreateEntry>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    once(&service, &call, &canonical, move |tx| {
        let who = accounts::authenticate_to_change(tx, bearer.as_ref())?;
        let entry = crate::domain::me::write(tx, &who, &id.0, &input.body)?;
        Ok::<_, Refusal>(Answer::created(&EntryAnswer { entry }))
    })
    .await
}
