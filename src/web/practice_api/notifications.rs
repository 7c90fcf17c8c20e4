//! HTTP handlers of e-mail notification settings.

use actix_web::web::{Data, Json, Query};
use actix_web::{get, patch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::wrong;
use crate::domain::desk::notifications;
use crate::domain::notifications::{Change, Entry, Frequency, Paused};
use crate::kit::Timestamp;
use crate::kit::ids::LinkId;
use crate::platform::tx::Service;
use crate::refusals;
use crate::web::http::{Body, Call, Page, PageQuery, Problem};

/// How often a person is notified of one link's new patients.
#[derive(Serialize, ToSchema)]
pub struct Notification {
    /// The person who is notified.
    person: Person,
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
#[schema(as = NotifiedPerson)]
pub struct Person {
    /// The kind of recipient: `staff` or `practice`.
    #[schema(example = "staff", pattern = "^(staff|practice)$")]
    kind: &'static str,
    /// The id of the staff member or practice.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// The display name of the person.
    #[schema(example = "Ana Ruiz")]
    name: String,
    /// The address that receives the notifications.
    #[schema(example = "ana@elm.example")]
    email: String,
}

/// A link in short form.
#[derive(Serialize, ToSchema)]
pub struct NotifiedLink {
    /// The id of the link.
    id: LinkId,
    /// The practice's own name for the link.
    #[schema(example = "Waiting room poster")]
    label: String,
}

/// A mailbox that bounces e-mail.
#[derive(Serialize, ToSchema)]
pub struct PausedMailbox {
    /// A short code for the mail server's answer.
    #[schema(example = "mailbox_refused")]
    reason: String,
    /// Since when no e-mail is sent to it.
    since: Timestamp,
}

impl Notification {
    fn of(entry: Entry) -> Self {
        let kind = if entry.person.starts_with("stf_") { "staff" } else { "practice" };
        let paused = entry.paused.map(|Paused { reason, since }| PausedMailbox { reason, since });
        Self {
            person: Person { kind, id: entry.person, name: entry.name, email: entry.email },
            link: NotifiedLink { id: entry.link_id, label: entry.link_label },
            frequency: entry.frequency,
            paused,
        }
    }

    fn key(&self) -> String {
        format!("{} {}", self.link.id, self.person.id)
    }
}

/// The notification settings of one person.
#[derive(Serialize, ToSchema)]
pub struct NotificationsAnswer {
    /// One item for each link.
    items: Vec<Notification>,
}

/// A change of one person's notification settings.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangeNotifications {
    /// The id of a staff member, or of the practice for its own address.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    person: String,
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

refusals!(ListNotificationsRefusals: plain, Unauthorized, InvalidRequest);

/// List notification settings by link and person
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(PageQuery), responses((status = 200, description = "Settings ordered by link and person; members see only their own", body = Page<Notification>), ListNotificationsRefusals))]
#[get("/v1/practice/notifications")]
pub async fn list_notifications(
    service: Data<Service>,
    call: Call,
    page: Query<PageQuery>,
) -> Result<Json<Page<Notification>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let entries = service.read(move |tx| {
        let after = after.split_once(' ').unwrap_or((&after, ""));
        notifications::list(tx, call.bearer.as_ref(), after, limit + 1)
    });
    let items = entries.await?.into_iter().map(Notification::of).collect();
    Ok(Json(Page::of(items, limit, Notification::key)))
}

refusals!(ChangeNotificationsRefusals: body, Unauthorized, StaffForbidden, LastRecipient);

/// Update a person's notification settings
#[utoipa::path(tag = "practice", request_body = ChangeNotifications, security(("staff_token" = [])), responses((status = 200, description = "The person's settings after the change. Members can change only their own", body = NotificationsAnswer), ChangeNotificationsRefusals))]
#[patch("/v1/practice/notifications")]
pub async fn change_notifications(
    service: Data<Service>,
    call: Call,
    body: Body<ChangeNotifications>,
) -> Result<Json<NotificationsAnswer>, Problem> {
    let ChangeNotifications { person, link_id, frequency, resume } = body.value;
    if frequency.is_none() && !resume {
        return Err(wrong("/frequency", "nothing_to_change", "Send a frequency, or `resume`."));
    }
    let change = Change { person, link_id, frequency, resume };
    let entries = service.write(move |tx| notifications::change(tx, call.bearer.as_ref(), &change)).await?;
    Ok(Json(NotificationsAnswer { items: entries.into_iter().map(Notification::of).collect() }))
}
