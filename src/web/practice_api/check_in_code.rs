//! HTTP handler of the check-in code that the screen at reception shows.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::check_in::{self, CheckInCode};
use crate::domain::staff::Permission;
use crate::kit::Timestamp;
use crate::platform::{Service, db};
use crate::problems;
use crate::web::http::{Problem, RequestContext};

/// The current check-in code.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckInCode)]
pub(crate) struct CheckInCodeView {
    /// Eight digits, for the patient to type into the app.
    #[schema(example = "48835612")]
    code: String,
    /// When to fetch the next code; this one stays valid for one more minute.
    changes_at: Timestamp,
}

problems!(CheckInCodeProblems: plain, Unauthorized, StaffForbidden);

/// Get the check-in code to show at reception
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])),
    responses(
        (
            status = 200,
            description = "The check-in code of this minute. A patient who enters it is confirmed in person, \
                by this staff member",
            body = CheckInCodeView,
        ),
        CheckInCodeProblems,
    ),
)]
#[get("/v1/practice/desk-code")]
pub(crate) async fn get_check_in_code(
    service: Data<Service>,
    call: RequestContext,
) -> Result<Json<CheckInCodeView>, Problem> {
    let found = service.read_as_staff(&call, Permission::ReadPatients, |tx, staff| {
        db::Result::Ok(check_in::current_code(tx, staff))
    });
    let CheckInCode { code, changes_at } = found.await?;
    Ok(Json(CheckInCodeView { code, changes_at }))
}
