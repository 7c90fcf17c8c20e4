//! Problem details for invite errors, and the HTTP handler for the app.

use actix_web::post;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::invites::Refusal;
use crate::kit::{Secret, Timestamp};
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Body, Code, Problem};
use crate::web::patient_api::link_tokens::PracticeFace;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::new(Code::InviteNotFound, "Check the invite's id."),
            Refusal::Gone => Self::field(
                Code::InviteGone,
                "/invite_token",
                "It was already used or canceled, or it has expired. Ask the practice for a new one.",
            ),
            Refusal::EmailUnproven => Self::new(
                Code::InviteEmailUnproven,
                "Open the e-mail that came with the invite, press its button, then try again.",
            ),
            // The holder of a forwarded text gets the same response as a number that the practice blocked.
            Refusal::OtherNumber => {
                Self::new(Code::PairingRefused, "Call the practice if you have questions.")
            }
            Refusal::TooSoon(wait) => {
                Self::new(Code::InviteLimited, "This number or address was invited less than a day ago.")
                    .retry(wait)
            }
            Refusal::OptedOut => Self::field(
                Code::OptedOut,
                "/phone",
                "This number opted out of text messages. Call the patient or ask in person.",
            ),
            Refusal::CannotText => {
                Self::field(Code::PhoneTypeRefused, "/phone", "This number cannot receive text messages.")
            }
            Refusal::CountryNotSupported => {
                Self::field(Code::CountryNotSupported, "/phone", "We cannot send texts to this country.")
            }
            Refusal::Fixed(state) => Self::new(
                Code::InviteFixed,
                format!("This invite is already {}. Create a new one.", state.as_str()),
            ),
            Refusal::Link(link) => link.into(),
            Refusal::Db(error) => error.into(),
        }
    }
}

/// Invite link that the app was opened with.
#[derive(Deserialize, Validate, ToSchema)]
pub struct OpenInvite {
    /// Last path segment of the link in the text message.
    #[schema(example = "3q2-7wAAAAAAAAAAAAAAAA")]
    invite_token: Secret,
}

/// Practice behind an invite. The app shows the practice and city before anything else.
#[derive(Serialize, ToSchema)]
pub struct InviteOpened {
    /// The practice that sent the invite.
    practice: PracticeFace,
    /// When the invite expires.
    expires_at: Timestamp,
}

refusals!(OpenInviteRefusals: body, InviteGone, LinkPaused);

/// Open an invite in the app
#[utoipa::path(tag = "links", request_body = OpenInvite, responses((status = 200, description = "Name and city of the practice that sent the invite", body = InviteOpened), OpenInviteRefusals))]
#[post("/v1/invites/opened")]
pub async fn open_invite(
    service: Data<Service>,
    body: Body<OpenInvite>,
) -> Result<Json<InviteOpened>, Problem> {
    let opened = service.write(move |tx| crate::domain::invites::open(tx, &body.value.invite_token));
    let (invite, to) = opened.await?;
    Ok(Json(InviteOpened { practice: PracticeFace::of(&to.practice), expires_at: invite.expires_at }))
}
