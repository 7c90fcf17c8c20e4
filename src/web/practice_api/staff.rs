//! HTTP handlers for staff members.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::staff::{Access, Member, MemberChange, NewMember, Permission, Role, State, people};
use crate::kit::{StaffId, Timestamp};
use crate::platform::Service;
use crate::problems;
use crate::web::http::fields::{email, is_email, is_name};
use crate::web::http::{Body, Page, PageQuery, PathId, Problem, Reply, RequestContext};

/// A role that can be given to a staff member.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StaffRole)]
pub enum AssignableRole {
    /// May manage everything in the practice.
    Admin,
    /// Sees only the conversations of links they belong to.
    Member,
}

impl From<AssignableRole> for Role {
    fn from(role: AssignableRole) -> Self {
        match role {
            AssignableRole::Admin => Self::Admin,
            AssignableRole::Member => Self::Member,
        }
    }
}

/// A person who works at the practice.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffMember)]
pub(crate) struct MemberView {
    /// The id of the staff member.
    id: StaffId,
    /// The name shown to colleagues.
    #[schema(example = "Ana Ruiz")]
    name: String,
    /// The e-mail address used to sign in.
    #[schema(example = "ana@elm.example")]
    email: String,
    /// The role: `admin`, `member`, or `support` (the operator's own staff).
    #[schema(value_type = String, example = "admin")]
    role: Role,
    /// The account state: `invited` until a password is chosen, then `active` or `disabled`.
    state: State,
    /// Whether an authenticator app is set up.
    has_totp: bool,
    /// The time of the first invitation.
    created_at: Timestamp,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            role: member.role,
            state: member.state(),
            has_totp: member.enrolled_at.is_some(),
            id: member.id,
            name: member.name,
            email: member.email,
            created_at: member.created_at,
        }
    }
}

/// Response with one staff member.
#[derive(Serialize, ToSchema)]
pub(crate) struct StaffAnswer {
    /// The staff member concerned.
    staff: MemberView,
}

impl From<Member> for StaffAnswer {
    fn from(member: Member) -> Self {
        Self { staff: member.into() }
    }
}

/// An invitation for a new staff member.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct InviteStaff {
    /// The e-mail address that they will sign in with.
    #[validate(custom(function = "is_email"))]
    #[schema(example = "ben@elm.example")]
    email: String,
    /// The name shown to colleagues, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Ben Okoro")]
    name: String,
    /// The role given to the new staff member.
    #[schema(example = "member")]
    role: AssignableRole,
}

problems!(InviteStaffProblems: keyed, Unauthorized, StaffForbidden, StaffExists);

/// Invite a staff member by e-mail, or resend an unaccepted invitation
#[utoipa::path(
    tag = "practice", request_body = InviteStaff, security(("staff_token" = [])),
    responses(
        (
            status = 201,
            description = "The e-mail will be sent; its link works for 7 days",
            body = StaffAnswer,
        ),
        InviteStaffProblems,
    ),
)]
#[post("/v1/practice/staff")]
pub(crate) async fn invite_staff(
    service: Data<Service>,
    call: RequestContext,
    body: Body<InviteStaff>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let (email, name) = (email(&input.email)?, input.name.trim().to_owned());
    let new = NewMember { email, name, role: input.role.into() };
    let invited = service.idempotent_as_staff(&call, &canonical, Permission::Administer, move |tx, staff| {
        people::invite(tx, staff, &new).map(|member| Reply::created(&StaffAnswer { staff: member.into() }))
    });
    invited.await
}

problems!(ListStaffProblems: plain, Unauthorized, InvalidRequest);

/// List the practice's staff
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PageQuery),
    responses(
        (
            status = 200,
            description = "Staff members, in the order in which they joined",
            body = Page<MemberView>,
        ),
        ListStaffProblems,
    ),
)]
#[get("/v1/practice/staff")]
pub(crate) async fn list_staff(
    service: Data<Service>,
    call: RequestContext,
    page: Query<PageQuery>,
) -> Result<Json<Page<MemberView>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let found = service.read_as_staff(&call, Permission::ViewPractice, move |tx, staff| {
        people::list(tx, staff, &after, limit + 1)
    });
    let items = found.await?.into_iter().map(MemberView::from).collect();
    Ok(Json(Page::of(items, limit, |item: &MemberView| item.id.to_string())))
}

/// Changes to a staff member; omitted fields stay as they are.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct ChangeStaff {
    /// The new name shown to colleagues.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Ben Okoro")]
    name: Option<String>,
    /// The new role of the staff member.
    #[schema(example = "admin")]
    role: Option<AssignableRole>,
    /// The new account state; `disabled` ends every session at once.
    #[schema(example = "disabled")]
    state: Option<Access>,
    /// `true` removes the second factor: the next sign-in sets up a new one.
    #[serde(default)]
    #[schema(example = false)]
    reset_totp: bool,
}

problems!(ChangeStaffProblems: body, Unauthorized, StaffForbidden, StaffNotFound, LastAdmin);

/// Change a staff member's name, role, access or second factor
#[utoipa::path(
    tag = "practice", request_body = ChangeStaff, security(("staff_token" = [])), params(PathId<StaffId>),
    responses(
        (status = 200, description = "The changed staff member", body = StaffAnswer),
        ChangeStaffProblems,
    ),
)]
#[patch("/v1/practice/staff/{id}")]
pub(crate) async fn change_staff(
    service: Data<Service>,
    call: RequestContext,
    id: PathId<StaffId>,
    body: Body<ChangeStaff>,
) -> Result<Json<StaffAnswer>, Problem> {
    let input = body.value;
    let change = MemberChange {
        name: input.name.map(|name| name.trim().to_owned()),
        role: input.role.map(Role::from),
        access: input.state,
        reset_totp: input.reset_totp,
    };
    let changed = service.write_as_staff(&call, Permission::Administer, move |tx, staff| {
        people::change(tx, staff, &id.0, &change)
    });
    Ok(Json(StaffAnswer { staff: changed.await?.into() }))
}
