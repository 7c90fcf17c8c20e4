//! HTTP handlers of e-mail notification settings.

use actix_web::web::{Data, Json, Query};
use actix_web::{get, patch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::wrong;
use crate::domain::notifications::{self, Change, Error, Frequency, PausedMailbox, Recipient, Setting};
use crate::domain::staff::Permission;
use crate::kit::LinkId;
use crate::platform::Service;
use crate::problems;
use crate::web::http::{Body, Code, Page, PageQuery, Problem, RequestContext};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Staff(error) => error.into(),
            Error::NotListed => {
                wrong("/person", "not_listed", "Add the person to the link's notify list first.")
            }
            Error::LastRecipient => Self::field(
                Code::LastRecipient,
                "/frequency",
                "The practice would no longer be notified of new patients. Add another recipient first.",
            ),
            Error::Db(error) => error.into(),
        }
    }
}

/// How often a person is notified of one link's new patients.
#[derive(Serialize, ToSchema)]
pub(crate) struct Notification {
    /// The person who is notified.
    person: NotifiedPerson,
    /// The link whose new patients they are notified of.
    link: NotifiedLink,
    /// How often the person is notified.
    frequency: Frequency,
    /// Why no e-mail is sent to them at the moment; `null` while e-mail works.
    #[schema(required = true)]
    paused: Option<PausedMailbox>,
}

/// A staff member, or the practice's own address if a link's notify list is empty.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotifiedPerson {
    /// The kind of recipient.
    kind: RecipientKind,
    /// The id of the staff member or practice.
    #[schema(value_type = String, example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: Recipient,
    /// The display name of the person.
    #[schema(example = "Ana Ruiz")]
    name: String,
    /// The address that receives the notifications.
    #[schema(example = "ana@elm.example")]
    email: String,
}

/// The kind of a recipient.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecipientKind {
    Staff,
    Practice,
}

/// A link in short form.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotifiedLink {
    /// The id of the link.
    id: LinkId,
    /// The practice's own name for the link.
    #[schema(example = "Waiting room poster")]
    label: String,
}

impl From<Setting> for Notification {
    fn from(setting: Setting) -> Self {
        let Setting { recipient: id, name, email, link_id, link_label, frequency, paused } = setting;
        let kind = match id {
            Recipient::Staff(_) => RecipientKind::Staff,
            Recipient::Practice(_) => RecipientKind::Practice,
        };
        Self {
            person: NotifiedPerson { kind, id, name, email },
            link: NotifiedLink { id: link_id, label: link_label },
            frequency,
            paused,
        }
    }
}

impl Notification {
    fn key(&self) -> String {
        format!("{} {}", self.link.id, self.person.id.as_str())
    }
}

/// The notification settings of one person.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationsAnswer {
    /// One item for each link.
    items: Vec<Notification>,
}

/// A change of one person's notification settings.
#[derive(Deserialize, Validate, ToSchema)]
pub(crate) struct ChangeNotifications {
    /// The id of a staff member, or of the practice for its own address.
    #[schema(value_type = String, example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    person: Recipient,
    /// Only this link; if omitted, every link the person is notified of.
    link_id: Option<LinkId>,
    /// How often to notify the person from now on.
    #[schema(example = "daily")]
    frequency: Option<Frequency>,
    /// Whether to resume sending to a mailbox that bounced.
    #[serde(default)]
    #[schema(example = false)]
    resume: bool,
}

problems!(ListNotificationsProblems: plain, Unauthorized, InvalidRequest);

/// List notification settings by link and person
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PageQuery),
    responses(
        (
            status = 200,
            description = "Settings ordered by link and person; members see only their own",
            body = Page<Notification>,
        ),
        ListNotificationsProblems,
    ),
)]
#[get("/v1/practice/notifications")]
pub(crate) async fn list_notifications(
    service: Data<Service>,
    call: RequestContext,
    page: Query<PageQuery>,
) -> Result<Json<Page<Notification>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let settings = service.read_as_staff(&call, Permission::ViewPractice, move |tx, staff| {
        let after = after.split_once(' ').unwrap_or((&after, ""));
        notifications::list(tx, staff, after, limit + 1)
    });
    let items = settings.await?.into_iter().map(Notification::from).collect();
    Ok(Json(Page::of(items, limit, Notification::key)))
}

problems!(ChangeNotificationsProblems: body, Unauthorized, StaffForbidden, LastRecipient);

/// Update a person's notification settings
#[utoipa::path(
    tag = "practice", request_body = ChangeNotifications, security(("staff_token" = [])),
    responses(
        (
            status = 200,
            description = "The person's settings after the change. Members can change only their own",
            body = NotificationsAnswer,
        ),
        ChangeNotificationsProblems,
    ),
)]
#[patch("/v1/practice/notifications")]
pub(crate) async fn change_notifications(
    service: Data<Service>,
    call: RequestContext,
    body: Body<ChangeNotifications>,
) -> Result<Json<NotificationsAnswer>, Problem> {
    let ChangeNotifications { person, link_id, frequency, resume } = body.value;
    if frequency.is_none() && !resume {
        return Err(wrong("/frequency", "nothing_to_change", "Send a frequency, or `resume`."));
    }
    let change = Change { recipient: person, link_id, frequency, resume };
    let settings = service.write_as_staff(&call, Permission::ViewPractice, move |tx, staff| {
        notifications::change(tx, staff, &change)
    });
    Ok(Json(NotificationsAnswer { items: settings.await?.into_iter().map(Notification::from).collect() }))
}
