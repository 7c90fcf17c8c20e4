//! HTTP handlers of a practice's links and their funnel.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, patch, post};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

use super::{csv_file, wrong};
use crate::domain::desk::{LinkDetails, Refusal};
use crate::domain::link_analytics;
use crate::domain::links::details::{self, Unwritable};
use crate::domain::links::{Change, NewLink, PRACTICE, People, State, owner_kind};
use crate::kit::Timestamp;
use crate::kit::ids::{LinkId, PracticeId, StaffId};
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Answer, Body, Call, Page, PageQuery, PathId, Problem, once};

/// The owner of a link, who sees its conversations.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Owner {
    /// The kind of owner: `practice`, `team` or `staff`.
    #[schema(example = "team", pattern = "^(practice|team|staff)$")]
    kind: String,
    /// The id of the team or staff member; `null` for the whole practice.
    #[schema(example = "tem_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: Option<String>,
}

impl Owner {
    fn of(owner: &str) -> Self {
        let kind = owner_kind(owner).to_owned();
        Self { id: (owner != PRACTICE).then(|| owner.to_owned()), kind }
    }

    fn into_word(self) -> Result<String, Problem> {
        match (self.kind.as_str(), self.id) {
            ("practice", None) => Ok(PRACTICE.to_owned()),
            ("team", Some(id)) if id.starts_with("tem_") => Ok(id),
            ("staff", Some(id)) if id.starts_with("stf_") => Ok(id),
            _ => Err(wrong(
                "/owner",
                "wrong_owner",
                "Use `practice` without an id, or `team` or `staff` with an id.",
            )),
        }
    }
}

/// A link as the practice sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Link)]
pub struct LinkView {
    /// The id of the link.
    id: LinkId,
    /// The code in the link's URL; it never changes and is never given to another link.
    #[schema(example = "123456")]
    code: String,
    /// The public URL of the link.
    #[schema(example = "https://links.example.org/123456")]
    url: String,
    /// The practice's own name for the link.
    #[schema(example = "Waiting room poster")]
    label: String,
    /// Tags that are given to the link's conversations.
    #[schema(example = json!(["poster"]))]
    tags: Vec<String>,
    /// The owner, who sees the link's conversations.
    owner: Owner,
    /// Ids of further staff members who see the conversations.
    members: Vec<StaffId>,
    /// The staff member who gets new conversations assigned.
    #[schema(required = true)]
    assignee_id: Option<StaffId>,
    /// Ids of staff members notified of new conversations; if empty, the practice's own address is notified.
    notify: Vec<StaffId>,
    /// The first entry of every new conversation.
    #[schema(required = true, example = "Welcome. How can we help?")]
    welcome: Option<String>,
    /// Whether previews, texts and e-mails leave out the practice's name.
    discreet: bool,
    /// Whether the link is active, paused or retired.
    state: State,
    /// The link to which a retired link forwards; `null` is the default link.
    #[schema(required = true)]
    forward_to: Option<LinkId>,
    /// Whether this is the practice's default link.
    is_default: bool,
    /// When the link was created.
    created_at: Timestamp,
}

impl LinkView {
    fn of(public_url: &str, LinkDetails { link, people }: LinkDetails) -> Self {
        Self {
            url: format!("{public_url}/{}", link.code),
            tags: link.tags(),
            owner: Owner::of(&link.owner),
            members: people.members,
            notify: people.notify,
            state: link.state(),
            id: link.id,
            code: link.code,
            label: link.label,
            assignee_id: link.assignee_id,
            welcome: link.welcome,
            discreet: link.discreet,
            forward_to: link.forward_id,
            is_default: link.is_default,
            created_at: link.created_at,
        }
    }
}

/// One link of the practice.
#[derive(Serialize, ToSchema)]
pub struct LinkAnswer {
    /// The link as it is now.
    link: LinkView,
}

/// A link to create. Only the label is required.
#[derive(Deserialize, Validate, ToSchema)]
pub struct CreateLink {
    /// The practice's own name for it: 1 to 100 characters on one line.
    #[validate(custom(function = "is_label"))]
    #[schema(example = "Waiting room poster")]
    label: String,
    /// Up to 20 tags of 1 to 40 characters; duplicates are dropped.
    #[serde(default)]
    #[validate(custom(function = "are_tags"))]
    #[schema(example = json!(["poster"]))]
    tags: Vec<String>,
    /// The owner, who sees the conversations; by default the whole practice.
    owner: Option<Owner>,
    /// Ids of further staff members who see the conversations.
    #[serde(default)]
    #[schema(example = json!([]))]
    members: Vec<StaffId>,
    /// The staff member who gets new conversations assigned.
    assignee_id: Option<StaffId>,
    /// Ids of staff members to notify of new conversations.
    #[serde(default)]
    #[schema(example = json!([]))]
    notify: Vec<StaffId>,
    /// The first entry of every new conversation, up to 1,000 characters.
    #[validate(custom(function = "is_welcome"))]
    #[schema(example = "Welcome. How can we help?")]
    welcome: Option<String>,
    /// Whether previews, texts and e-mails leave out the practice's name.
    #[serde(default)]
    #[schema(example = false)]
    discreet: bool,
}

/// Changes of a link; omitted fields stay unchanged, and `null` clears an optional field.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangeLink {
    /// The practice's own name for the link.
    #[validate(custom(function = "is_label"))]
    #[schema(example = "Waiting room poster")]
    label: Option<String>,
    /// The complete new list of tags.
    #[validate(custom(function = "are_tags"))]
    #[schema(example = json!(["poster"]))]
    tags: Option<Vec<String>>,
    /// The new owner, who sees the link's conversations from now on.
    owner: Option<Owner>,
    /// The complete new list of further staff members who see the conversations.
    #[schema(example = json!([]))]
    members: Option<Vec<StaffId>>,
    /// The staff member who gets new conversations assigned.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<StaffId>)]
    assignee_id: Option<Option<StaffId>>,
    /// The complete new list of staff members to notify.
    #[schema(example = json!([]))]
    notify: Option<Vec<StaffId>>,
    /// The first entry of every new conversation.
    #[serde(default, deserialize_with = "present")]
    #[validate(custom(function = "is_welcome"))]
    #[schema(value_type = Option<String>, example = "Welcome. How can we help?")]
    welcome: Option<Option<String>>,
    /// Whether previews, texts and e-mails leave out the practice's name.
    #[schema(example = false)]
    discreet: Option<bool>,
    /// The new state: `active`, `paused` or, permanently, `retired`.
    #[schema(example = "paused")]
    state: Option<State>,
    /// The link to which a retired link forwards; `null` is the default link.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<LinkId>)]
    forward_to: Option<Option<LinkId>>,
}

/// Distinguishes a `null` field from an omitted one.
pub(super) fn present<'de, D, T>(field: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(field).map(Some)
}

fn is_label(label: &str) -> Result<(), ValidationError> {
    details::label(label).map(drop).map_err(|why| wrong_text("length", why))
}

pub(super) fn are_tags(tags: &[String]) -> Result<(), ValidationError> {
    details::tags(tags).map(drop).map_err(|why| wrong_text("tags", why))
}

fn is_welcome(welcome: &str) -> Result<(), ValidationError> {
    details::welcome(welcome).map(drop).map_err(|why| wrong_text("length", why))
}

fn wrong_text(code: &'static str, why: Unwritable) -> ValidationError {
    ValidationError::new(code).with_message(why.to_string().into())
}

/// Maps a text error to a problem. The validators have already run; this second pass
/// stores the normalized text.
fn unwritable(why: Unwritable) -> Problem {
    let (pointer, code) = match why {
        Unwritable::Label => ("/label", "length"),
        Unwritable::Tags => ("/tags", "tags"),
        Unwritable::Welcome => ("/welcome", "length"),
    };
    wrong(pointer, code, &why.to_string())
}

impl CreateLink {
    fn into_parts(self) -> Result<(NewLink, People), Problem> {
        let new = NewLink {
            tags: details::tags(&self.tags).map_err(unwritable)?,
            welcome: self.welcome.as_deref().map(details::welcome).transpose().map_err(unwritable)?,
            owner: self.owner.map_or(Ok(PRACTICE.to_owned()), Owner::into_word)?,
            assignee_id: self.assignee_id,
            discreet: self.discreet,
            // A caller can only create links of their own practice; the rule fills it in.
            ..NewLink::plain(&PracticeId::from(""), &details::label(&self.label).map_err(unwritable)?)
        };
        Ok((new, People { members: self.members, notify: self.notify }))
    }
}

impl ChangeLink {
    fn into_change(self) -> Result<Change, Problem> {
        let welcome = self.welcome.map(|given| given.as_deref().map(details::welcome).transpose());
        Ok(Change {
            label: self.label.as_deref().map(details::label).transpose().map_err(unwritable)?,
            tags: self.tags.as_deref().map(details::tags).transpose().map_err(unwritable)?,
            welcome: welcome.transpose().map_err(unwritable)?,
            owner: self.owner.map(Owner::into_word).transpose()?,
            assignee_id: self.assignee_id,
            discreet: self.discreet,
            state: self.state,
            forward_to: self.forward_to,
            members: self.members,
            notify: self.notify,
        })
    }
}

refusals!(ListLinksRefusals: plain, Unauthorized, InvalidRequest);

/// List the practice's links
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(PageQuery), responses((status = 200, description = "Links, oldest first", body = Page<LinkView>), ListLinksRefusals))]
#[get("/v1/practice/links")]
pub async fn list_links(
    service: Data<Service>,
    call: Call,
    page: Query<PageQuery>,
) -> Result<Json<Page<LinkView>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let links =
        service.read(move |tx| crate::domain::desk::links(tx, call.bearer.as_ref(), &after, limit + 1));
    let items =
        links.await?.into_iter().map(|link| LinkView::of(&service.settings.public_url, link)).collect();
    Ok(Json(Page::of(items, limit, |item: &LinkView| item.id.to_string())))
}

refusals!(CreateLinkRefusals: keyed, Unauthorized, StaffForbidden, PlanRequired);

/// Create a link for the practice
#[utoipa::path(tag = "practice", request_body = CreateLink, security(("staff_token" = [])), responses((status = 201, description = "The link was created and is active", body = LinkAnswer), CreateLinkRefusals))]
#[post("/v1/practice/links")]
pub async fn create_link(
    service: Data<Service>,
    call: Call,
    body: Body<CreateLink>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    let (new, people) = input.into_parts()?;
    once(&service, &call, &canonical, move |tx| {
        let made = crate::domain::desk::create_link(tx, bearer.as_ref(), new, &people)?;
        Ok::<_, Refusal>(Answer::created(&LinkAnswer { link: LinkView::of(&tx.settings.public_url, made) }))
    })
    .await
}

refusals!(GetLinkRefusals: plain, Unauthorized, LinkNotFound);

/// Get one of the practice's links
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The link", example = "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "The link", body = LinkAnswer), GetLinkRefusals))]
#[get("/v1/practice/links/{id}")]
pub async fn get_link(
    service: Data<Service>,
    call: Call,
    id: PathId<LinkId>,
) -> Result<Json<LinkAnswer>, Problem> {
    let found = service.read(move |tx| crate::domain::desk::link(tx, call.bearer.as_ref(), &id.0)).await?;
    Ok(Json(LinkAnswer { link: LinkView::of(&service.settings.public_url, found) }))
}

refusals!(ChangeLinkRefusals: body, Unauthorized, StaffForbidden, LinkNotFound, LinkStateFixed);

/// Update a link's settings
#[utoipa::path(tag = "practice", request_body = ChangeLink, security(("staff_token" = [])), params(("id" = String, Path, description = "The link", example = "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "The link after the change. Existing conversations stay as they are", body = LinkAnswer), ChangeLinkRefusals))]
#[patch("/v1/practice/links/{id}")]
pub async fn change_link(
    service: Data<Service>,
    call: Call,
    id: PathId<LinkId>,
    body: Body<ChangeLink>,
) -> Result<Json<LinkAnswer>, Problem> {
    let change = body.value.into_change()?;
    let changed =
        service.write(move |tx| crate::domain::desk::change_link(tx, call.bearer.as_ref(), &id.0, &change));
    Ok(Json(LinkAnswer { link: LinkView::of(&service.settings.public_url, changed.await?) }))
}

/// Days and channel of a funnel report.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FunnelQuery {
    /// The first day, in the practice's time zone; by default 30 days ending with `to`.
    #[param(example = "2026-10-24")]
    from: Option<String>,
    /// The last day, in the practice's time zone; by default today.
    #[param(example = "2026-11-22")]
    to: Option<String>,
    /// Only this channel, as in `?s=brochure` on the link's URL.
    #[param(example = "brochure")]
    channel: Option<String>,
}

refusals!(FunnelRefusals: plain, Unauthorized, LinkNotFound, InvalidRequest);

/// Get the sign-up funnel of a link
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The link", example = "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607"), FunnelQuery),
    responses((status = 200, description = "Steps from page view to pairing, by day; at most one minute old", body = link_analytics::Report), FunnelRefusals))]
#[get("/v1/practice/links/{id}/funnel")]
pub async fn get_link_funnel(
    service: Data<Service>,
    call: Call,
    id: PathId<LinkId>,
    query: Query<FunnelQuery>,
) -> Result<Json<link_analytics::Report>, Problem> {
    let query = query.into_inner();
    let report = service.read(move |tx| {
        let days = (query.from.as_deref(), query.to.as_deref());
        crate::domain::desk::funnel(tx, call.bearer.as_ref(), &id.0, days, query.channel.as_deref())
    });
    Ok(Json(report.await?))
}

/// Export the sign-up funnel of a link as CSV
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(("id" = String, Path, description = "The link", example = "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607"), FunnelQuery),
    responses((status = 200, description = "CSV (RFC 4180) with one row per day and the totals, safe to share outside the practice: `<5` replaces a count from 1 to 4, and `*` a total that would reveal one", content_type = "text/csv", body = String), FunnelRefusals))]
#[get("/v1/practice/links/{id}/funnel.csv")]
pub async fn export_link_funnel(
    service: Data<Service>,
    call: Call,
    id: PathId<LinkId>,
    query: Query<FunnelQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    let file = service.write(move |tx| {
        let days = (query.from.as_deref(), query.to.as_deref());
        crate::domain::desk::export_funnel(tx, call.bearer.as_ref(), &id.0, days, query.channel.as_deref())
    });
    Ok(csv_file("funnel", file.await?))
}
