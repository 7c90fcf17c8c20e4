//! The links of a practice as the API receives and sends them.

use serde::{Deserialize, Deserializer, Serialize};
use strum::{EnumString, IntoStaticStr};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::domain::links::details::{self, InvalidText};
use crate::domain::links::{self, Change, LinkDetails, NewLink, People, State};
use crate::kit::{LinkId, StaffId, Timestamp};
use crate::web::http::Problem;

/// The kind of a link's owner.
#[derive(Clone, Copy, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum OwnerKind {
    Practice,
    Team,
    Staff,
}

/// The owner of a link, who sees its conversations.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Owner {
    /// The kind of owner: `practice`, `team` or `staff`.
    #[schema(example = "team", pattern = "^(practice|team|staff)$")]
    kind: String,
    /// The id of the team or staff member; `null` for the whole practice.
    #[schema(example = "tem_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    #[serde(rename = "id")]
    owner: Option<String>,
}

impl From<links::Owner> for Owner {
    fn from(owner: links::Owner) -> Self {
        let (kind, id) = match owner {
            links::Owner::Practice => (OwnerKind::Practice, None),
            links::Owner::Team(id) => (OwnerKind::Team, Some(id.to_string())),
            links::Owner::Staff(id) => (OwnerKind::Staff, Some(id.to_string())),
        };
        let kind: &str = kind.into();
        Self { kind: kind.to_owned(), owner: id }
    }
}

impl TryFrom<Owner> for links::Owner {
    type Error = Problem;

    fn try_from(Owner { kind, owner: id }: Owner) -> Result<Self, Problem> {
        match (kind.parse(), id) {
            (Ok(OwnerKind::Practice), None) => Ok(Self::Practice),
            (Ok(OwnerKind::Team), Some(id)) if id.starts_with("tem_") => Ok(Self::Team(id.into())),
            (Ok(OwnerKind::Staff), Some(id)) if id.starts_with("stf_") => Ok(Self::Staff(id.into())),
            _ => Err(Problem::wrong_field(
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
pub(crate) struct LinkView {
    /// The id of the link.
    pub id: LinkId,
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
    pub(crate) fn of(public_url: &str, LinkDetails { link, people }: LinkDetails) -> Self {
        Self {
            url: format!("{public_url}/{}", link.code),
            tags: link.tags(),
            owner: link.owner.into(),
            members: people.members,
            notify: people.notify,
            state: link.state,
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
pub(crate) struct LinkAnswer {
    /// The link as it is now.
    link: LinkView,
}

impl LinkAnswer {
    pub(crate) fn of(public_url: &str, link: LinkDetails) -> Self {
        Self { link: LinkView::of(public_url, link) }
    }
}

/// A link to create. Only the label is required.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct CreateLink {
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
pub(crate) struct ChangeLink {
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
pub(crate) fn present<'de, D, T>(field: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(field).map(Some)
}

fn is_label(label: &str) -> Result<(), ValidationError> {
    details::label(label).map(drop).map_err(|why| wrong_text("length", why))
}

pub(crate) fn are_tags(tags: &[String]) -> Result<(), ValidationError> {
    details::tags(tags).map(drop).map_err(|why| wrong_text("tags", why))
}

fn is_welcome(welcome: &str) -> Result<(), ValidationError> {
    details::welcome(welcome).map(drop).map_err(|why| wrong_text("length", why))
}

fn wrong_text(code: &'static str, why: InvalidText) -> ValidationError {
    ValidationError::new(code).with_message(why.to_string().into())
}

/// Maps a text error to a problem. The validators have already run; this second pass
/// stores the normalized text.
fn invalid_text(why: InvalidText) -> Problem {
    let (pointer, code) = match why {
        InvalidText::Label => ("/label", "length"),
        InvalidText::Tags => ("/tags", "tags"),
        InvalidText::Welcome => ("/welcome", "length"),
    };
    Problem::wrong_field(pointer, code, &why.to_string())
}

impl CreateLink {
    pub(crate) fn into_parts(self) -> Result<(NewLink, People), Problem> {
        let new = NewLink {
            tags: details::tags(&self.tags).map_err(invalid_text)?,
            welcome: self.welcome.as_deref().map(details::welcome).transpose().map_err(invalid_text)?,
            owner: self.owner.map_or(Ok(links::Owner::Practice), links::Owner::try_from)?,
            assignee_id: self.assignee_id,
            discreet: self.discreet,
            ..NewLink::plain(&details::label(&self.label).map_err(invalid_text)?)
        };
        Ok((new, People { members: self.members, notify: self.notify }))
    }
}

impl ChangeLink {
    pub(crate) fn into_change(self) -> Result<Change, Problem> {
        let welcome = self.welcome.map(|given| given.as_deref().map(details::welcome).transpose());
        Ok(Change {
            label: self.label.as_deref().map(details::label).transpose().map_err(invalid_text)?,
            tags: self.tags.as_deref().map(details::tags).transpose().map_err(invalid_text)?,
            welcome: welcome.transpose().map_err(invalid_text)?,
            owner: self.owner.map(links::Owner::try_from).transpose()?,
            assignee_id: self.assignee_id,
            discreet: self.discreet,
            state: self.state,
            forward_to: self.forward_to,
            members: self.members,
            notify: self.notify,
        })
    }
}
