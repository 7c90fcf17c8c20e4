//! HTTP handlers for the patients on the account.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::accounts::{self, NewPatient, Patient, PatientChange, Principal, Relation, Scope};
use crate::kit::PatientId;
use crate::platform::{Service, Tx, db};
use crate::problems;
use crate::web::http::{Body, PathId, Problem, Reply, RequestContext};
use crate::web::patient_api::accounts::{is_birth_date, is_name};

/// A further patient on the account.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreatePatient {
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
pub(crate) struct PatientAnswer {
    /// The patient with all details.
    patient: Patient,
}

problems!(CreatePatientProblems: keyed, Unauthorized);

/// Add a patient to the account
#[utoipa::path(
    tag = "me", request_body = CreatePatient, security(("access_token" = [])),
    responses(
        (status = 201, description = "The patient was added", body = PatientAnswer),
        CreatePatientProblems,
    ),
)]
#[post("/v1/me/patients")]
pub(crate) async fn create_patient(
    service: Data<Service>,
    call: RequestContext,
    body: Body<CreatePatient>,
) -> Result<HttpResponse, Problem> {
    let Body { value: CreatePatient { given_name, family_name, birth_date, relation }, canonical } = body;
    let new = NewPatient::new(&given_name, &family_name, birth_date).as_relation(relation);
    let rule = move |tx: &mut Tx, patient: &Principal| -> db::Result<_> {
        let patient = accounts::add_patient(tx, patient, &new);
        Ok(Reply::created(&PatientAnswer { patient }))
    };
    service.idempotent_as_patient(&call, &canonical, Scope::Restricted, rule).await
}

/// A change of a patient's details; omitted fields stay as they are.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct ChangePatient {
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

problems!(ChangePatientProblems: body, Unauthorized, PatientNotFound);

/// Change a patient's details
#[utoipa::path(
    tag = "me", request_body = ChangePatient, security(("access_token" = [])), params(PathId<PatientId>),
    responses(
        (status = 200, description = "The patient after the change", body = PatientAnswer),
        ChangePatientProblems,
    ),
)]
#[patch("/v1/me/patients/{id}")]
pub(crate) async fn change_patient(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<PatientId>,
    body: Body<ChangePatient>,
) -> Result<Json<PatientAnswer>, Problem> {
    let input = body.value;
    let trimmed = |name: Option<String>| name.map(|name| name.trim().to_owned());
    let change = PatientChange {
        given_name: trimmed(input.given_name),
        family_name: trimmed(input.family_name),
        birth_date: input.birth_date,
    };
    let rule = move |tx: &mut Tx, patient: &Principal| accounts::change_patient(tx, patient, &id.0, &change);
    let patient = service.write_as_patient(&call, Scope::Restricted, rule);
    Ok(Json(PatientAnswer { patient: patient.await? }))
}
