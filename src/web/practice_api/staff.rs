//! HTTP handlers for staff members, including the caller's own profile.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::practices;
use crate::domain::staff::{self, Member, MemberChange, NewMember, Refusal, Role, Standing, people, sign_in};
use crate::kit::Timestamp;
use crate::kit::ids::{PracticeId, StaffId, TeamId};
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Answer, Body, Call, Page, PageQuery, PathId, Problem, once};
use crate::web::staff_api::{email, is_email, is_name};

/// A role that can be given to a staff member.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StaffRole)]
pub enum GivenRole {
    /// May manage everything in the practice.
    Admin,
    /// Sees only the conversations of links they belong to.
    Member,
}

impl From<GivenRole> for Role {
    fn from(role: GivenRole) -> Self {
        match role {
            GivenRole::Admin => Self::Admin,
            GivenRole::Member => Self::Member,
        }
    }
}

/// A state that an admin can give a staff member's account.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StaffAccess)]
pub enum GivenState {
    /// The staff member may sign in.
    Active,
    /// The staff member is signed out at once and cannot sign in.
    Disabled,
}

/// A person who works at the practice.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffMember)]
pub struct MemberView {
    /// The id of the staff member.
    id: StaffId,
    /// The name shown to colleagues.
    #[schema(example = "Ana Ruiz")]
    name: String,
    /// The e-mail address used to sign in.
    #[schema(example = "ana@elm.example")]
    email: String,
    /// The role: `admin`, `member`, or `support` (the operator's own staff).
    #[schema(example = "admin")]
    role: &'static str,
    /// The account state: `invited` until a password is chosen, then `active` or `disabled`.
    state: Standing,
    /// Whether an authenticator app is set up.
    has_totp: bool,
    /// The time of the first invitation.
    created_at: Timestamp,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            role: member.role().as_str(),
            state: member.standing(),
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
pub struct StaffAnswer {
    /// The staff member concerned.
    staff: MemberView,
}

impl From<Member> for StaffAnswer {
    fn from(member: Member) -> Self {
        Self { staff: member.into() }
    }
}

/// The practice that employs the staff member.
#[derive(Serialize, ToSchema)]
pub struct Workplace {
    /// The id of the practice.
    id: PracticeId,
    /// The name of the practice.
    #[schema(example = "Elm Dental")]
    name: String,
}

/// The signed-in staff member, with practice and teams.
#[derive(Serialize, ToSchema)]
pub struct StaffMe {
    /// The signed-in staff member.
    staff: MemberView,
    /// The practice they work at.
    practice: Workplace,
    /// Ids of the teams they belong to.
    #[schema(example = json!(["tem_0198c1f2a4c07d3e8a51b2c3d4e5f607"]))]
    teams: Vec<TeamId>,
    /// Number of unused recovery codes.
    #[schema(example = 10)]
    recovery_codes_left: i64,
}

refusals!(StaffMeRefusals: plain, Unauthorized);

/// Get the signed-in staff member
#[utoipa::path(tag = "staff", security(("staff_token" = [])), responses((status = 200, description = "The signed-in staff member", body = StaffMe), StaffMeRefusals))]
#[get("/v1/staff/me")]
pub async fn get_staff_me(service: Data<Service>, call: Call) -> Result<Json<StaffMe>, Problem> {
    let found = service.read(move |tx| {
        let who = staff::authenticate(tx, call.bearer.as_ref())?;
        let practice = practices::find(tx, &who.practice_id)?.ok_or(Refusal::Unauthorized)?;
        Ok::<_, Refusal>(StaffMe {
            staff: staff::member(tx, &who)?.into(),
            practice: Workplace { id: practice.id, name: practice.name },
            teams: staff::teams_of(tx, &who.staff_id)?,
            recovery_codes_left: sign_in::recovery_codes_left(tx, &who.staff_id)?,
        })
    });
    Ok(Json(found.await?))
}

/// An invitation for a new staff member.
#[derive(Deserialize, Validate, ToSchema)]
pub struct InviteStaff {
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
    role: GivenRole,
}

refusals!(InviteStaffRefusals: keyed, Unauthorized, StaffForbidden, StaffExists);

/// Invite a staff member by e-mail, or resend an unaccepted invitation
#[utoipa::path(tag = "practice", request_body = InviteStaff, security(("staff_token" = [])), responses((status = 201, description = "The e-mail will be sent; its link works for 7 days", body = StaffAnswer), InviteStaffRefusals))]
#[post("/v1/practice/staff")]
pub async fn invite_staff(
    service: Data<Service>,
    call: Call,
    body: Body<InviteStaff>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    let (email, name) = (email(&input.email)?, input.name.trim().to_owned());
    let new = NewMember { email, name, role: input.role.into() };
    once(&service, &call, &canonical, move |tx| {
        let member = people::invite(tx, bearer.as_ref(), &new)?;
        Ok::<_, Refusal>(Answer::created(&StaffAnswer { staff: member.into() }))
    })
    .await
}

refusals!(ListStaffRefusals: plain, Unauthorized, InvalidRequest);

/// List the practice's staff
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(PageQuery), responses((status = 200, description = "Staff members, in the order in which they joined", body = Page<MemberView>), ListStaffRefusals))]
#[get("/v1/practice/staff")]
pub async fn list_staff(
    service: Data<Service>,
    call: Call,
    page: Query<PageQuery>,
) -> Result<Json<Page<MemberView>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let found = service.read(move |tx| people::list(tx, call.bearer.as_ref(), &after, limit + 1)).await?;
    let items = found.into_iter().map(MemberView::from).collect();
    Ok(Json(Page::of(items, limit, |item: &MemberView| item.id.to_string())))
}

/// Changes to a staff member; omitted fields stay as they are.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangeStaff {
    /// The new name shown to colleagues.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Ben Okoro")]
    name: Option<String>,
    /// The new role of the staff member.
    #[schema(example = "admin")]
    role: Option<GivenRole>,
    /// The new account state; `disabled` ends every session at once.
    #[schema(example = "disabled")]
    state: Option<GivenState>,
    /// `true` removes the second factor: the next sign-in sets up a new one.
    #[serde(default)]
    #[schema(example = false)]
    reset_totp: bool,
}

refusals!(ChangeStaffRefusals: body, Unauthorized, StaffForbidden, StaffNotFound, LastAdmin);

/// Change a staff member's name, role, access or second factor
#[utoipa::path(tag = "practice", request_body = ChangeStaff, security(("staff_token" = [])), params(("id" = String, Path, description = "The staff member", example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "The changed staff member", body = StaffAnswer), ChangeStaffRefusals))]
#[patch("/v1/practice/staff/{id}")]
pub async fn change_staff(
    service: Data<Service>,
    call: Call,
    id: PathId<StaffId>,
    body: Body<ChangeStaff>,
) -> Result<Json<StaffAnswer>, Problem> {
    let input = body.value;
    let change = MemberChange {
        name: input.name.map(|name| name.trim().to_owned()),
        role: input.role.map(Role::from),
        is_active: input.state.map(|state| state == GivenState::Active),
        reset_totp: input.reset_totp,
    };
    let changed = service.write(move |tx| people::change(tx, call.bearer.as_ref(), &id.0, &change)).await?;
    Ok(Json(StaffAnswer { staff: changed.into() }))
}
