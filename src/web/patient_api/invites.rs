//! HTTP handler of invites for the app.

use actix_web::post;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::invites;
use crate::kit::{Secret, Timestamp};
use crate::platform::Service;
use crate::problems;
use crate::web::http::{Body, Problem};
use crate::web::patient_api::link_tokens::PracticeFace;

/// Invite link that the app was opened with.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct OpenInvite {
    /// Last path segment of the link in the text message.
    #[schema(example = "3q2-7wAAAAAAAAAAAAAAAA")]
    invite_token: Secret,
}

/// Practice behind an invite. The app shows the practice and city before anything else.
#[derive(Serialize, ToSchema)]
pub(crate) struct InviteOpened {
    /// The practice that sent the invite.
    practice: PracticeFace,
    /// When the invite expires.
    expires_at: Timestamp,
}

problems!(OpenInviteProblems: body, InviteGone, LinkPaused);

/// Open an invite in the app
#[utoipa::path(
    tag = "links", request_body = OpenInvite,
    responses(
        (
            status = 200,
            description = "Name and city of the practice that sent the invite",
            body = InviteOpened,
        ),
        OpenInviteProblems,
    ),
)]
#[post("/v1/invites/opened")]
pub(crate) async fn open_invite(
    service: Data<Service>,
    body: Body<OpenInvite>,
) -> Result<Json<InviteOpened>, Problem> {
    let opened = service.write(move |tx| invites::open(tx, &body.value.invite_token));
    let (invite, to) = opened.await?;
    Ok(Json(InviteOpened { practice: PracticeFace::of(&to.practice), expires_at: invite.expires_at }))
}
