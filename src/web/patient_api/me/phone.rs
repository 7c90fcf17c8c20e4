//! HTTP handler for changing the account's phone number.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::accounts::{self, Error, Principal, Scope};
use crate::kit::Secret;
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Body, Problem, Reply, RequestContext};
use crate::web::patient_api::view::AccountView;

/// A new phone number for the account.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct ChangeNumber {
    /// The phone proof of the new number.
    #[schema(example = "pp_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    phone_proof: Secret,
}

/// The account after the change.
#[derive(Serialize, ToSchema)]
pub(crate) struct NumberChanged {
    /// The account with its new number.
    account: AccountView,
}

problems!(
    ChangeNumberProblems: keyed,
    Unauthorized, SessionRestricted, PhoneProofInvalid, PhoneProofExpired, PhoneProofConsumed, AccountExists
);

/// Change the account's phone number to a proven one; both numbers get a text
#[utoipa::path(
    tag = "me", request_body = ChangeNumber, security(("access_token" = [])),
    responses(
        (
            status = 200,
            description = "The account has the new number; its practices must verify the patient's identity \
                again",
            body = NumberChanged,
        ),
        ChangeNumberProblems,
    ),
)]
#[post("/v1/me/phone")]
pub(crate) async fn change_phone_number(
    service: Data<Service>,
    call: RequestContext,
    body: Body<ChangeNumber>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let language = call.language.unwrap_or_default();
    let rule = move |tx: &mut Tx, patient: &Principal| -> Result<_, Error> {
        let account = accounts::change_number(tx, patient, &input.phone_proof, language)?;
        Ok(Reply::ok(&NumberChanged { account: AccountView::of(&account) }))
    };
    service.idempotent_as_patient(&call, &canonical, Scope::Full, rule).await
}
