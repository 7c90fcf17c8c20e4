//! Who is mailed about what, and how often.

use actix_web::web::{Data, Json, Query};
use actix_web::{get, patch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::super::notifications;
use super::wrong;
use crate::app::App;
use crate::http::{Body, Call, Page, PageQuery, Problem};
use crate::kit::Timestamp;
use crate::notices::{Change, Entry, Frequency, Paused};
use crate::refusals;

/// A person and a link that they are told of.
#[derive(Serialize, ToSchema)]
pub struct Notification {
    /// Who is told.
    person: Person,
    /// Of which link's new patients.
    link: NotifiedLink,
    /// How often.
    frequency: Frequency,
    /// Why they are not written to for now; `null` where they are.
    #[schema(required = true)]
    paused: Option<PausedMailbox>,
}

/// A staff member, or the practice's own address where nobody is on a link's list.
#[derive(Serialize, ToSchema)]
#[schema(as = NotifiedPerson)]
pub struct Person {
    /// `staff` or `practice`.
    #[schema(example = "staff", pattern = "^(staff|practice)$")]
    kind: &'static str,
    /// The staff member's or the practice's id.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// What colleagues call them.
    #[schema(example = "Ana Ruiz")]
    name: String,
    /// Where they are written to.
    #[schema(example = "ana@elm.example")]
    email: String,
}

/// A link, in short.
#[derive(Serialize, ToSchema)]
pub struct NotifiedLink {
    /// Its id.
    #[schema(example = "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// What the practice calls it.
    #[schema(example = "Waiting room poster")]
    label: String,
}

/// A mailbox that takes no mail.
#[derive(Serialize, ToSchema)]
pub struct PausedMailbox {
    /// What its server said, in a word.
    #[schema(example = "mailbox_refused")]
    reason: String,
    /// Since when.
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

/// A person's notifications.
#[derive(Serialize, ToSchema)]
pub struct NotificationsAnswer {
    /// One for each link.
    items: Vec<Notification>,
}

/// A change of how often one person is told.
#[derive(Deserialize, Validate, ToSchema)]
pub struct ChangeNotifications {
    /// A staff member, or the practice itself for its own address.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    person: String,
    /// One link; left out, all that they are told of.
    #[schema(example = "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    link_id: Option<String>,
    /// How often from now on.
    #[schema(example = "daily")]
    frequency: Option<Frequency>,
    /// Whether a mailbox that took no mail is tried again.
    #[serde(default)]
    #[schema(example = false)]
    resume: bool,
}

refusals!(ListNotificationsRefusals: plain, Unauthorized, InvalidRequest);

/// Lists who is mailed about which link, and how often; members see themselves
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(PageQuery), responses((status = 200, description = "By link and person", body = Page<Notification>), ListNotificationsRefusals))]
#[get("/v1/practice/notifications")]
pub async fn list_notifications(
    app: Data<App>,
    call: Call,
    page: Query<PageQuery>,
) -> Result<Json<Page<Notification>>, Problem> {
    let (limit, after) = (page.limit()?, page.after()?);
    let entries = app.read(move |ctx, conn| {
        let after = after.split_once(' ').unwrap_or((&after, ""));
        notifications::list(ctx, conn, call.bearer.as_ref(), after, limit + 1)
    });
    let items = entries.await?.into_iter().map(Notification::of).collect();
    Ok(Json(Page::of(items, limit, Notification::key)))
}

refusals!(ChangeNotificationsRefusals: body, Unauthorized, StaffForbidden, LastRecipient);

/// Changes how often a person is mailed; members change their own
#[utoipa::path(tag = "practice", request_body = ChangeNotifications, security(("staff_token" = [])), responses((status = 200, description = "As changed", body = NotificationsAnswer), ChangeNotificationsRefusals))]
#[patch("/v1/practice/notifications")]
pub async fn change_notifications(
    app: Data<App>,
    call: Call,
    body: Body<ChangeNotifications>,
) -> Result<Json<NotificationsAnswer>, Problem> {
    let ChangeNotifications { person, link_id, frequency, resume } = body.value;
    if frequency.is_none() && !resume {
        return Err(wrong("/frequency", "nothing_to_change", "Say how often, or resume."));
    }
    let change = Change { person, link_id, frequency, resume };
    let entries =
        app.write(move |ctx, conn| notifications::change(ctx, conn, call.bearer.as_ref(), &change)).await?;
    Ok(Json(NotificationsAnswer { items: entries.into_iter().map(Notification::of).collect() }))
}
