//! HTTP handler of the check-in code that the screen at reception shows.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::staff::desk_code::{self, DeskCode};
use crate::kit::Timestamp;
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Call, Problem};

/// The current check-in code.
#[derive(Serialize, ToSchema)]
#[schema(as = DeskCode)]
pub struct DeskCodeView {
    /// Eight digits, for the patient to type into the app.
    #[schema(example = "48835612")]
    code: String,
    /// When to fetch the next code; this one stays valid for one more minute.
    changes_at: Timestamp,
}

refusals!(DeskCodeRefusals: plain, Unauthorized, StaffForbidden);

/// Get the check-in code to show at reception
#[utoipa::path(tag = "practice", security(("staff_token" = [])),
    responses((status = 200, description = "The check-in code of this minute. A patient who enters it is confirmed in person, by this staff member", body = DeskCodeView), DeskCodeRefusals))]
#[get("/v1/practice/desk-code")]
pub async fn get_check_in_code(service: Data<Service>, call: Call) -> Result<Json<DeskCodeView>, Problem> {
    let DeskCode { code, changes_at } =
        service.read(move |tx| desk_code::show(tx, call.bearer.as_ref())).await?;
    Ok(Json(DeskCodeView { code, changes_at }))
}
