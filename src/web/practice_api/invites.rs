//! HTTP handlers of invites.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

use super::wrong;
use crate::domain::desk::{Refusal, invites as desk};
use crate::domain::invites::{self, Invite, NewInvite, State};
use crate::kit::ids::{ConversationId, InviteId, LinkId, StaffId};
use crate::kit::{Email, Language, Phone, Timestamp};
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Answer, Body, Call, Code, Page, PageQuery, PathId, Problem, once};

/// An invite as the practice sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Invite)]
pub struct InviteView {
    /// The id of the invite.
    id: InviteId,
    /// The link that gives the conversation its tags, owner and welcome message.
    link_id: LinkId,
    /// The current state of the invite.
    state: State,
    /// Name of the invited person. Name, number and address are erased one month after the invite has ended.
    #[schema(required = true, example = "Alex Rivera")]
    name: Option<String>,
    /// The person's mobile number in E.164 format.
    #[schema(required = true, example = "+14155552671")]
    phone: Option<String>,
    /// The person's e-mail address.
    #[schema(required = true, example = "alex@example.com")]
    email: Option<String>,
    /// The language of the text message and the e-mail.
    language: Language,
    /// The staff member who created the invite.
    created_by: StaffId,
    /// When the invite was created.
    created_at: Timestamp,
    /// How many times the invite was sent.
    #[schema(example = 1)]
    sends: i32,
    /// When the invite was last sent.
    #[schema(required = true)]
    sent_at: Option<Timestamp>,
    /// When the last text message is or was due: texts are not sent during quiet hours.
    #[schema(required = true)]
    text_due_at: Option<Timestamp>,
    /// When the person opened the invite.
    #[schema(required = true)]
    opened_at: Option<Timestamp>,
    /// When the person proved the phone number.
    #[schema(required = true)]
    phone_proven_at: Option<Timestamp>,
    /// When the person proved the e-mail address.
    #[schema(required = true)]
    email_proven_at: Option<Timestamp>,
    /// When the first attempt to accept it with another phone number was refused.
    #[schema(required = true)]
    other_number_at: Option<Timestamp>,
    /// The message that could not be delivered: `sms` or `email`.
    #[schema(required = true, example = "sms")]
    bounced: Option<String>,
    /// When the invite was accepted.
    #[schema(required = true)]
    accepted_at: Option<Timestamp>,
    /// Whether the name given on acceptance matches the invite; if not, the conversation starts unverified.
    #[schema(required = true, example = true)]
    name_agrees: Option<bool>,
    /// The conversation that acceptance created.
    #[schema(required = true)]
    conversation_id: Option<ConversationId>,
    /// When the invite was revoked.
    #[schema(required = true)]
    revoked_at: Option<Timestamp>,
    /// When the invite expires.
    expires_at: Timestamp,
}

impl InviteView {
    fn of(service: &Service, invite: Invite) -> Self {
        Self {
            state: invite.state(service.clock.now()),
            phone: invite.phone().map(|phone| phone.as_e164().to_owned()),
            email: invite.email().map(|email| email.as_str().to_owned()),
            language: invite.language(),
            id: invite.id,
            link_id: invite.link_id,
            name: invite.name,
            created_by: invite.created_by,
            created_at: invite.created_at,
            sends: invite.sends,
            sent_at: invite.sent_at,
            text_due_at: invite.text_due_at,
            opened_at: invite.opened_at,
            phone_proven_at: invite.phone_proven_at,
            email_proven_at: invite.email_proven_at,
            other_number_at: invite.other_number_at,
            bounced: invite.bounced_channel,
            accepted_at: invite.accepted_at,
            name_agrees: invite.name_agrees,
            conversation_id: invite.conversation_id,
            revoked_at: invite.revoked_at,
            expires_at: invite.expires_at,
        }
    }
}

/// One invite of the practice.
#[derive(Serialize, ToSchema)]
pub struct InviteAnswer {
    /// The invite as it is now.
    invite: InviteView,
}

/// Filters of the invite list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InvitesQuery {
    /// Only invites in this state.
    #[param(example = "sent")]
    state: Option<String>,
}

refusals!(ListInvitesRefusals: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// List invites, newest first
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(InvitesQuery, PageQuery),
    responses((status = 200, description = "Invites of the links that this staff member may see", body = Page<InviteView>), ListInvitesRefusals))]
#[get("/v1/practice/invites")]
pub async fn list_invites(
    service: Data<Service>,
    call: Call,
    query: Query<InvitesQuery>,
    page: Query<PageQuery>,
) -> Result<Json<Page<InviteView>>, Problem> {
    let state = query.state.as_deref().map(|word| {
        State::from_word(word).ok_or_else(|| wrong("/state", "invalid_request", "Unknown invite state."))
    });
    let (state, limit, before) = (state.transpose()?, page.limit()?, page.after()?);
    let found = service.read(move |tx| desk::list(tx, call.bearer.as_ref(), state, &before, limit + 1));
    let views = found.await?.into_iter().map(|invite| InviteView::of(&service, invite)).collect();
    Ok(Json(Page::of(views, limit, |view: &InviteView| view.id.to_string())))
}

/// A person to invite.
#[derive(Deserialize, Validate, ToSchema)]
pub struct CreateInvite {
    /// Given and family names on one line, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Alex Rivera")]
    name: String,
    /// The person's mobile number, in E.164 or national format.
    #[schema(example = "+14155552671")]
    phone: String,
    /// The person's e-mail address.
    #[validate(custom(function = "is_email"))]
    #[schema(example = "alex@example.com")]
    email: String,
    /// The language of both messages; by default the practice's language.
    language: Option<Language>,
    /// The link that gives the conversation its tags, owner and welcome; by default
    /// the practice's default link.
    link_id: Option<LinkId>,
    /// Whether to send it immediately (the default) or keep it as a draft until `resend`.
    #[serde(default = "at_once")]
    #[schema(example = true)]
    send: bool,
}

fn at_once() -> bool {
    true
}

fn is_name(name: &str) -> Result<(), ValidationError> {
    invites::name(name)
        .map(drop)
        .ok_or_else(|| ValidationError::new("length").with_message("Use 1 to 100 characters.".into()))
}

fn is_email(address: &str) -> Result<(), ValidationError> {
    Email::parse(address)
        .map(drop)
        .ok_or_else(|| ValidationError::new("email").with_message("Check this e-mail address.".into()))
}

/// Parses a phone number as staff type it; without a plus it belongs to the default region.
pub fn number(service: &Service, typed: &str) -> Result<Phone, Problem> {
    Phone::parse(typed, Some(&service.settings.verification.default_region))
        .map_err(|wrong| Problem::field(Code::PhoneInvalid, "/phone", wrong.to_string()))
}

refusals!(CreateInviteRefusals: keyed, Unauthorized, StaffForbidden, PhoneInvalid, PhoneTypeRefused, CountryNotSupported, OptedOut, InviteLimited, LinkPaused);

/// Invite a person by text message and e-mail
#[utoipa::path(tag = "practice", request_body = CreateInvite, security(("staff_token" = [])),
    responses((status = 201, description = "The invite was created, and both messages are queued unless it is a draft", body = InviteAnswer), CreateInviteRefusals))]
#[post("/v1/practice/invites")]
pub async fn create_invite(
    service: Data<Service>,
    call: Call,
    body: Body<CreateInvite>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let phone = number(&service, &input.phone)?;
    let email =
        Email::parse(&input.email).ok_or_else(|| wrong("/email", "email", "Check this e-mail address."))?;
    let (bearer, this) = (call.bearer.clone(), service.clone());
    once(&service, &call, &canonical, move |tx| {
        let name = invites::name(&input.name).unwrap_or_default();
        let (language, sends) = (input.language, input.send);
        let new = |created_by| NewInvite { created_by, name, phone, email, language, sends };
        let invite = desk::create(tx, bearer.as_ref(), input.link_id.as_ref(), new)?;
        Ok::<_, Refusal>(Answer::created(&InviteAnswer { invite: InviteView::of(&this, invite) }))
    })
    .await
}

refusals!(GetInviteRefusals: plain, Unauthorized, StaffForbidden, InviteNotFound);

/// Get one of the practice's invites
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The invite", example = "inv_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "The invite", body = InviteAnswer), GetInviteRefusals))]
#[get("/v1/practice/invites/{id}")]
pub async fn get_invite(
    service: Data<Service>,
    call: Call,
    id: PathId<InviteId>,
) -> Result<Json<InviteAnswer>, Problem> {
    let found = service.read(move |tx| desk::find(tx, call.bearer.as_ref(), &id.0)).await?;
    Ok(Json(InviteAnswer { invite: InviteView::of(&service, found) }))
}

refusals!(ResendInviteRefusals: keyed_plain, Unauthorized, StaffForbidden, InviteNotFound, InviteFixed, OptedOut, InviteLimited, LinkPaused);

/// Send an invite, or send it again
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The invite", example = "inv_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 202, description = "The messages are queued, earlier ones stop working, and the seven days until expiry start again. A proven address gets no second e-mail", body = InviteAnswer), ResendInviteRefusals))]
#[post("/v1/practice/invites/{id}/resend")]
pub async fn resend_invite(
    service: Data<Service>,
    call: Call,
    id: PathId<InviteId>,
) -> Result<HttpResponse, Problem> {
    let (bearer, this) = (call.bearer.clone(), service.clone());
    once(&service, &call, b"", move |tx| {
        let invite = desk::send(tx, bearer.as_ref(), &id.0)?;
        Ok::<_, Refusal>(Answer::accepted(&InviteAnswer { invite: InviteView::of(&this, invite) }))
    })
    .await
}

refusals!(RevokeInviteRefusals: plain, Unauthorized, StaffForbidden, InviteNotFound, InviteFixed);

/// Revoke an invite and its links
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The invite", example = "inv_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 204, description = "The invite was revoked, and its links no longer work"), RevokeInviteRefusals))]
#[delete("/v1/practice/invites/{id}")]
pub async fn revoke_invite(
    service: Data<Service>,
    call: Call,
    id: PathId<InviteId>,
) -> Result<HttpResponse, Problem> {
    service.write(move |tx| desk::revoke(tx, call.bearer.as_ref(), &id.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}
