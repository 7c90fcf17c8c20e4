//! HTTP handlers of invites, and the problems that invites can cause.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

use crate::domain::invites::{self, Channel, Error, Invite, NewInvite, State};
use crate::domain::staff::{Permission, Staff};
use crate::kit::{ConversationId, Email, InviteId, Language, LinkId, Phone, StaffId, Timestamp};
use crate::platform::{Service, Tx};
use crate::problems;
use crate::web::http::{Body, Code, Page, PageQuery, PathId, Problem, Reply, RequestContext};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let field = |code, pointer: &str, detail: &str| Self::field(code, pointer, detail);
        match error {
            Error::NotFound => Self::new(Code::InviteNotFound, "Check the invite's id."),
            Error::UnknownLink => {
                Self::wrong_field("/link_id", "unknown_id", "Your practice has no such id.")
            }
            Error::Gone => field(
                Code::InviteGone,
                "/invite_token",
                "It was already used or canceled, or it has expired. Ask the practice for a new one.",
            ),
            Error::EmailUnproven => Self::new(
                Code::InviteEmailUnproven,
                "Open the e-mail that came with the invite, press its button, then try again.",
            ),
            // The holder of a forwarded text gets the same response as a number that the practice blocked.
            Error::OtherNumber => Self::new(Code::PairingRefused, "Call the practice if you have questions."),
            Error::TooSoon(wait) => {
                let detail = "This number or address was invited less than a day ago.";
                Self::new(Code::InviteLimited, detail).retry(wait)
            }
            Error::OptedOut => field(
                Code::OptedOut,
                "/phone",
                "This number opted out of text messages. Call the patient or ask in person.",
            ),
            Error::CannotText => {
                field(Code::PhoneTypeRefused, "/phone", "This number cannot receive text messages.")
            }
            Error::CountryNotSupported => {
                field(Code::CountryNotSupported, "/phone", "We cannot send texts to this country.")
            }
            Error::Fixed(state) => {
                Self::new(Code::InviteFixed, format!("This invite is already {state}. Create a new one."))
            }
            Error::Link(link) => link.into(),
            Error::Db(error) => error.into(),
        }
    }
}

/// An invite as the practice sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Invite)]
pub(crate) struct InviteView {
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
    /// The message that could not be delivered.
    #[schema(required = true)]
    bounced: Option<Channel>,
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
    fn of(now: Timestamp, invite: Invite) -> Self {
        Self {
            state: invite.state(now),
            phone: invite.phone().map(|phone| phone.as_e164().to_owned()),
            email: invite.email().map(|email| email.as_str().to_owned()),
            language: invite.language,
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
pub(crate) struct InviteAnswer {
    /// The invite as it is now.
    invite: InviteView,
}

impl InviteAnswer {
    fn of(now: Timestamp, invite: Invite) -> Self {
        Self { invite: InviteView::of(now, invite) }
    }
}

/// Filters of the invite list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvitesQuery {
    /// Only invites in this state.
    #[param(example = "sent")]
    state: Option<String>,
}

problems!(ListInvitesProblems: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// List invites, newest first
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(InvitesQuery, PageQuery),
    responses(
        (
            status = 200,
            description = "Invites of the links that this staff member may see",
            body = Page<InviteView>,
        ),
        ListInvitesProblems,
    ),
)]
#[get("/v1/practice/invites")]
pub(crate) async fn list_invites(
    service: Data<Service>,
    call: RequestContext,
    query: Query<InvitesQuery>,
    page: Query<PageQuery>,
) -> Result<Json<Page<InviteView>>, Problem> {
    let state = query.state.as_deref().map(|state| {
        let unknown = |_| Problem::wrong_field("/state", "invalid_request", "Unknown invite state.");
        state.parse::<State>().map_err(unknown)
    });
    let (state, limit, before) = (state.transpose()?, page.limit()?, page.after()?);
    let views = service.read_as_staff(&call, Permission::ReadPatients, move |tx, staff| {
        let found = invites::list(tx, staff, state, &before, limit + 1)?;
        Ok::<Vec<_>, Error>(found.into_iter().map(|invite| InviteView::of(tx.now, invite)).collect())
    });
    Ok(Json(Page::of(views.await?, limit, |view: &InviteView| view.id.to_string())))
}

/// A person to invite.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreateInvite {
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
fn number(service: &Service, typed: &str) -> Result<Phone, Problem> {
    Phone::parse(typed, Some(&service.settings.verification.default_region))
        .map_err(|error| Problem::field(Code::PhoneInvalid, "/phone", error.to_string()))
}

problems!(CreateInviteProblems: keyed,
    Unauthorized, StaffForbidden, PhoneInvalid, PhoneTypeRefused, CountryNotSupported, OptedOut,
    InviteLimited, LinkPaused);

/// Invite a person by text message and e-mail
#[utoipa::path(
    tag = "practice", request_body = CreateInvite, security(("staff_token" = [])),
    responses(
        (
            status = 201,
            description = "The invite was created, and both messages are queued unless it is a draft",
            body = InviteAnswer,
        ),
        CreateInviteProblems,
    ),
)]
#[post("/v1/practice/invites")]
pub(crate) async fn create_invite(
    service: Data<Service>,
    call: RequestContext,
    body: Body<CreateInvite>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let phone = number(&service, &input.phone)?;
    let email = Email::parse(&input.email)
        .ok_or_else(|| Problem::wrong_field("/email", "email", "Check this e-mail address."))?;
    let name = invites::name(&input.name).unwrap_or_default();
    let new = NewInvite { name, phone, email, language: input.language, sends: input.send };
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Error> {
        let invite = invites::create(tx, staff, input.link_id.as_ref(), &new)?;
        Ok(Reply::created(&InviteAnswer::of(tx.now, invite)))
    };
    service.idempotent_as_staff(&call, &canonical, Permission::ReadPatients, rule).await
}

problems!(GetInviteProblems: plain, Unauthorized, StaffForbidden, InviteNotFound);

/// Get one of the practice's invites
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<InviteId>),
    responses((status = 200, description = "The invite", body = InviteAnswer), GetInviteProblems),
)]
#[get("/v1/practice/invites/{id}")]
pub(crate) async fn get_invite(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<InviteId>,
) -> Result<Json<InviteAnswer>, Problem> {
    let found = service.read_as_staff(&call, Permission::ReadPatients, move |tx, staff| {
        let invite = invites::find(tx, staff, &id.0)?;
        Ok::<_, Error>(InviteAnswer::of(tx.now, invite))
    });
    Ok(Json(found.await?))
}

problems!(ResendInviteProblems: keyed_plain,
    Unauthorized, StaffForbidden, InviteNotFound, InviteFixed, OptedOut, InviteLimited, LinkPaused);

/// Send an invite, or send it again
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<InviteId>),
    responses(
        (
            status = 202,
            description = "The messages are queued, earlier ones stop working, and the seven days until \
                expiry start again. A proven address gets no second e-mail",
            body = InviteAnswer,
        ),
        ResendInviteProblems,
    ),
)]
#[post("/v1/practice/invites/{id}/resend")]
pub(crate) async fn resend_invite(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<InviteId>,
) -> Result<HttpResponse, Problem> {
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Error> {
        let invite = invites::send(tx, staff, &id.0)?;
        Ok(Reply::accepted(&InviteAnswer::of(tx.now, invite)))
    };
    service.idempotent_as_staff(&call, b"", Permission::ReadPatients, rule).await
}

problems!(RevokeInviteProblems: plain, Unauthorized, StaffForbidden, InviteNotFound, InviteFixed);

/// Revoke an invite and its links
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<InviteId>),
    responses(
        (status = 204, description = "The invite was revoked, and its links no longer work"),
        RevokeInviteProblems,
    ),
)]
#[delete("/v1/practice/invites/{id}")]
pub(crate) async fn revoke_invite(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<InviteId>,
) -> Result<HttpResponse, Problem> {
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| invites::revoke(tx, staff, &id.0);
    service.write_as_staff(&call, Permission::ReadPatients, rule).await?;
    Ok(HttpResponse::NoContent().finish())
}
