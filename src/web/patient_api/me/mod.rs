//! HTTP handlers for the signed-in patient's own account.

pub(crate) mod conversations;
pub(crate) mod email;
pub(crate) mod events;
pub(crate) mod pairings;
pub(crate) mod patients;
pub(crate) mod phone;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::accounts::{self, Error, Patient, Principal, Scope};
use crate::kit::Timestamp;
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Problem, RequestContext};
use crate::web::patient_api::view::AccountView;

/// The signed-in account and its patients.
#[derive(Serialize, ToSchema)]
pub(crate) struct MeAnswer {
    /// The account that is signed in.
    account: AccountView,
    /// The patients on the account that this session may see.
    patients: Vec<Patient>,
    /// Access scope of this session.
    scope: Scope,
    /// The account's e-mail address. `null` for a restricted session: the number may have
    /// another owner by now.
    #[schema(required = true)]
    email: Option<OwnEmail>,
}

/// The account's own e-mail address.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnEmail {
    /// The e-mail address as it was entered.
    #[schema(example = "alex@example.com")]
    address: String,
    /// Time at which the address was proven; `null` if it is not.
    #[schema(required = true)]
    proven_at: Option<Timestamp>,
}

problems!(SignedInProblems: plain, Unauthorized);

/// Get the account and its patients
#[utoipa::path(
    tag = "me", security(("access_token" = [])),
    responses(
        (status = 200, description = "The account and its patients", body = MeAnswer),
        SignedInProblems,
    ),
)]
#[get("/v1/me")]
pub(crate) async fn get_me(service: Data<Service>, call: RequestContext) -> Result<Json<MeAnswer>, Problem> {
    let rule = |tx: &mut Tx, patient: &Principal| -> Result<_, Error> {
        let account = accounts::account(tx, &patient.account_id)?;
        let patients = accounts::patients(tx, patient)?;
        let proven_at = account.email_proven_at;
        let email = account.email.clone().filter(|_| patient.scope == Scope::Full);
        let email = email.map(|address| OwnEmail { address, proven_at });
        Ok(MeAnswer { account: AccountView::of(&account), patients, scope: patient.scope, email })
    };
    Ok(Json(service.read_as_patient(&call, Scope::Restricted, rule).await?))
}

problems!(DeleteMeProblems: plain, Unauthorized, SessionRestricted);

/// Delete the account and end its pairings
#[utoipa::path(
    tag = "me", security(("access_token" = [])),
    responses(
        (
            status = 204,
            description = "Pairings and sessions have ended; number, e-mail and birth dates are erased",
        ),
        DeleteMeProblems,
    ),
)]
#[delete("/v1/me")]
pub(crate) async fn delete_me(service: Data<Service>, call: RequestContext) -> Result<HttpResponse, Problem> {
    service.write_as_patient(&call, Scope::Full, accounts::delete).await?;
    Ok(HttpResponse::NoContent().finish())
}
