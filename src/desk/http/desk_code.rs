//! The door of the code at the desk.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::{Call, Problem};
use crate::kit::Timestamp;
use crate::refusals;
use crate::staff::desk_code::{self, DeskCode};

/// What a screen at the desk shows.
#[derive(Serialize, ToSchema)]
#[schema(as = DeskCode)]
pub struct DeskCodeView {
    /// Eight digits, for the patient to type into the app.
    #[schema(example = "48835612")]
    code: String,
    /// When to ask for the next one; this one is taken for a minute longer.
    changes_at: Timestamp,
}

refusals!(DeskCodeRefusals: plain, Unauthorized, StaffForbidden);

/// Shows the code by which a patient at the desk is confirmed, in person and by this staff member
#[utoipa::path(tag = "practice", security(("staff_token" = [])),
    responses((status = 200, description = "The code of this minute", body = DeskCodeView), DeskCodeRefusals))]
#[get("/v1/practice/desk-code")]
pub async fn get_desk_code(app: Data<App>, call: Call) -> Result<Json<DeskCodeView>, Problem> {
    let DeskCode { code, changes_at } =
        app.read(move |ctx, conn| desk_code::show(ctx, conn, call.bearer.as_ref())).await?;
    Ok(Json(DeskCodeView { code, changes_at }))
}
