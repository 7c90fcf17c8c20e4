//! The doors of colleagues, and of oneself.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::{email, is_email, is_name};
use crate::app::App;
use crate::http::{Answer, Body, Call, Id, Page, PageQuery, Problem, once};
use crate::kit::Timestamp;
use crate::practices;
use crate::refusals;
use crate::staff::{self, Member, MemberChange, NewMember, Refusal, Role, Standing, people, sign_in};

/// What a colleague may do.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StaffRole)]
pub enum GivenRole {
    /// Everything in the practice.
    Admin,
    /// What the links they belong to bring.
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

/// What an admin may do to a colleague's access.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StaffAccess)]
pub enum GivenState {
    /// May sign in.
    Active,
    /// Is out at once.
    Disabled,
}

/// Somebody who works at the practice.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffMember)]
pub struct MemberView {
    /// Their id.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// What colleagues call them.
    #[schema(example = "Ana Ruiz")]
    name: String,
    /// The address that they sign in with.
    #[schema(example = "ana@elm.example")]
    email: String,
    /// `admin`, `member`, or `support` (the operator's own).
    #[schema(example = "admin")]
    role: &'static str,
    /// `invited` until they choose a password, `active`, or `disabled`.
    state: Standing,
    /// Whether their second factor is set up.
    has_totp: bool,
    /// When they were invited first.
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

/// One colleague.
#[derive(Serialize, ToSchema)]
pub struct StaffAnswer {
    /// The colleague.
    staff: MemberView,
}

/// The practice that somebody works at.
#[derive(Serialize, ToSchema)]
pub struct Workplace {
    /// Its id.
    #[schema(example = "prc_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// Its name.
    #[schema(example = "Elm Dental")]
    name: String,
}

/// Whoever is signed in.
#[derive(Serialize, ToSchema)]
pub struct StaffMe {
    /// Themselves.
    staff: MemberView,
    /// Where they work.
    practice: Workplace,
    /// The ids of their teams.
    #[schema(example = json!(["tem_0198c1f2a4c07d3e8a51b2c3d4e5f607"]))]
    teams: Vec<String>,
    /// How many recovery codes they have left.
    #[schema(example = 10)]
    recovery_codes_left: i64,
}

refusals!(StaffMeRefusals: plain, Unauthorized);

/// Shows whoever is signed in
#[utoipa::path(tag = "staff", security(("staff_token" = [])), responses((status = 200, description = "Oneself", body = StaffMe), StaffMeRefusals))]
#[get("/v1/staff/me")]
pub async fn get_staff_me(app: Data<App>, call: Call) -> Result<Json<StaffMe>, Problem> {
    let found = app.read(move |ctx, conn| {
        let who = staff::authenticate(ctx, conn, call.bearer.as_ref())?;
        let practice = practices::find(conn, &who.practice_id)?.ok_or(Refusal::Unauthorized)?;
        Ok::<_, Refusal>(StaffMe {
            staff: staff::member(conn, &who)?.into(),
            practice: Workplace { id: practice.id, name: practice.name },
            teams: staff::teams_of(conn, &who.staff_id)?,
            recovery_codes_left: sign_in::recovery_codes_left(conn, &who.staff_id)?,
        })
    });
    Ok(Json(found.await?))
}

/// A colleague to be invited.
#[derive(Deserialize, Validate, ToSchema)]
pub struct InviteStaff {
    /// The address that they will sign in with.
    #[validate(custom(function = "is_email"))]
    #[schema(example = "ben@elm.example")]
    email: String,
    /// What colleagues call them, 1 to 100 characters.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Ben Okoro")]
    name: String,
    /// What they may do.
    #[schema(example = "member")]
    role: GivenRole,
}

refusals!(InviteStaffRefusals: keyed, Unauthorized, StaffForbidden, StaffExists);

/// Invites a colleague by e-mail; again, where the first invitation was not taken up
#[utoipa::path(tag = "practice", request_body = InviteStaff, security(("staff_token" = [])), responses((status = 201, description = "An e-mail is on its way; its link works for 7 days", body = StaffAnswer), InviteStaffRefusals))]
#[post("/v1/practice/staff")]
pub async fn invite_staff(
    app: Data<App>,
    call: Call,
    body: Body<InviteStaff>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    let (email, name) = (email(&input.email)?, input.name.trim().to_owned());
    // The practice is the caller's own; the rule fills it in.
    let new = NewMember { practice_id: String::new(), email, name, role: input.role.into() };
    once(&app, &call, &canonical, move |ctx, conn| {
        let member = people::invite(ctx, conn, bearer.as_ref(), new)?;
        Ok::<_, Refusal>(Answer::created(&StaffAnswer { staff: member.into() }))
    })
    .await
}

refusals!(ListStaffRefusals: plain, Unauthorized, InvalidRequest);

/// Lists the practice's staff
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(PageQuery), responses((status = 200, description = "Colleagues, in the order in which they came", body = Page<MemberView>), ListStaffRefusals))]
#[get("/v1/practice/staff")]
pub async fn list_staff(
    app: Data<App>,
    call: Call,
    page: Query<PageQuery>,
) -> Result<Json<Page<MemberView>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let found =
        app.read(move |ctx, conn| people::list(ctx, conn, call.bearer.as_ref(), &after, limit + 1)).await?;
    let items = found.into_iter().map(MemberView::from).collect();
    Ok(Json(Page::of(items, limit, |item: &MemberView| item.id.clone())))
}

/// A change of a colleague; what is left out stays.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangeStaff {
    /// What colleagues call them.
    #[validate(custom(function = "is_name"))]
    #[schema(example = "Ben Okoro")]
    name: Option<String>,
    /// What they may do.
    #[schema(example = "admin")]
    role: Option<GivenRole>,
    /// Whether they may sign in; `disabled` ends every sign-in at once.
    #[schema(example = "disabled")]
    state: Option<GivenState>,
    /// `true` forgets the second factor: the next sign-in sets up a new one.
    #[serde(default)]
    #[schema(example = false)]
    reset_totp: bool,
}

refusals!(ChangeStaffRefusals: body, Unauthorized, StaffForbidden, StaffNotFound, LastAdmin);

/// Changes a colleague: name, role, access, second factor
#[utoipa::path(tag = "practice", request_body = ChangeStaff, security(("staff_token" = [])), params(("id" = String, Path, description = "The colleague", example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "As changed", body = StaffAnswer), ChangeStaffRefusals))]
#[patch("/v1/practice/staff/{id}")]
pub async fn change_staff(
    app: Data<App>,
    call: Call,
    id: Id,
    body: Body<ChangeStaff>,
) -> Result<Json<StaffAnswer>, Problem> {
    let input = body.value;
    let change = MemberChange {
        name: input.name.map(|name| name.trim().to_owned()),
        role: input.role.map(Role::from),
        is_active: input.state.map(|state| state == GivenState::Active),
        reset_totp: input.reset_totp,
    };
    let changed =
        app.write(move |ctx, conn| people::change(ctx, conn, call.bearer.as_ref(), &id.0, &change)).await?;
    Ok(Json(StaffAnswer { staff: changed.into() }))
}
