//! HTTP handler for changing the account's phone number.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::accounts;
use crate::domain::me::Refusal;
use crate::kit::Secret;
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Answer, Body, Call, Problem, once};
use crate::web::patient_api::accounts::AccountView;

/// A new phone number for the account.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangeNumber {
    /// The phone proof of the new number.
    #[schema(example = "pp_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    phone_proof: Secret,
}

/// The account after the change.
#[derive(Serialize, ToSchema)]
pub struct NumberChanged {
    /// The account with its new number.
    account: AccountView,
}

refusals!(ChangeNumberRefusals: keyed, Unauthorized, SessionRestricted, PhoneProofInvalid, PhoneProofExpired, PhoneProofConsumed, AccountExists);

/// Change the account's phone number to a proven one; both numbers get a text
#[utoipa::path(tag = "me", request_body = ChangeNumber, security(("access_token" = [])),
    responses((status = 200, description = "The account has the new number; its practices must verify the patient's identity again", body = NumberChanged), ChangeNumberRefusals))]
#[post("/v1/me/phone")]
pub async fn change_phone_number(
    service: Data<Service>,
    call: Call,
    body: Body<ChangeNumber>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (bearer, language) = (call.bearer.clone(), call.language.unwrap_or_default());
    once(&service, &call, &canonical, move |tx| {
        let who = accounts::authenticate_to_change(tx, bearer.as_ref())?;
        let account = accounts::change_number(tx, &who, &input.phone_proof, language)?;
        Ok::<_, Refusal>(Answer::ok(&NumberChanged { account: AccountView::of(&account) }))
    })
    .await
}
