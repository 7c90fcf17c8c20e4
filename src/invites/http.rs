//! What refusals of invites say, and the app's own door.

use actix_web::post;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::Refusal;
use crate::app::App;
use crate::http::{Body, Code, Problem};
use crate::kit::{Secret, Timestamp};
use crate::links::http::PracticeFace;
use crate::refusals;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::new(Code::InviteNotFound, "Check the invite's id."),
            Refusal::Gone => Self::field(
                Code::InviteGone,
                "/invite_token",
                "It was used, taken back, or is over. Ask the practice for another invite.",
            ),
            Refusal::EmailUnproven => Self::new(
                Code::InviteEmailUnproven,
                "Open the e-mail that came with the invite, press its button, and send this again.",
            ),
            // Whoever holds a forwarded text reads the same as a number that the practice blocked.
            Refusal::OtherNumber => {
                Self::new(Code::PairingRefused, "Call the practice, if you have questions.")
            }
            Refusal::TooSoon(wait) => {
                Self::new(Code::InviteLimited, "This number or address was invited less than a day ago.")
                    .retry(wait)
            }
            Refusal::OptedOut => Self::field(
                Code::OptedOut,
                "/phone",
                "This number asked for no more texts. Call, or ask in person.",
            ),
            Refusal::CannotText => {
                Self::field(Code::PhoneTypeRefused, "/phone", "This number takes no text messages.")
            }
            Refusal::CountryNotSupported => {
                Self::field(Code::CountryNotSupported, "/phone", "We do not text this country.")
            }
            Refusal::Fixed(state) => {
                Self::new(Code::InviteFixed, format!("It is {} already. Make another one.", state.as_str()))
            }
            Refusal::Link(link) => link.into(),
            Refusal::Db(error) => error.into(),
        }
    }
}

/// An invite that the app was opened with.
#[derive(Deserialize, Validate, ToSchema)]
pub struct OpenInvite {
    /// What the link of the text ends in.
    #[schema(example = "3q2-7wAAAAAAAAAAAAAAAA")]
    invite_token: Secret,
}

/// Where an invite leads: the app shows practice and city before anything else.
#[derive(Serialize, ToSchema)]
pub struct InviteOpened {
    /// Who invites.
    practice: PracticeFace,
    /// Until when.
    expires_at: Timestamp,
}

refusals!(OpenInviteRefusals: body, InviteGone, LinkPaused);

/// Tells the app who invites; of whom is invited it tells nothing
#[utoipa::path(tag = "links", request_body = OpenInvite, responses((status = 200, description = "Practice and city", body = InviteOpened), OpenInviteRefusals))]
#[post("/v1/invites/opened")]
pub async fn open_invite(app: Data<App>, body: Body<OpenInvite>) -> Result<Json<InviteOpened>, Problem> {
    let opened = app.write(move |ctx, conn| super::open(ctx, conn, &body.value.invite_token));
    let (invite, to) = opened.await?;
    Ok(Json(InviteOpened { practice: PracticeFace::of(&to.practice), expires_at: invite.expires_at }))
}
