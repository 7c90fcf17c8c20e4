//! HTTP handlers of the practice's audit log.

use actix_web::web::{self, Data, Json};
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::csv_file;
use crate::domain::audit_log::{self, Error, Query};
use crate::domain::staff::Permission;
use crate::kit::{EventId, Timestamp};
use crate::platform::Service;
use crate::platform::event_log::Event;
use crate::problems;
use crate::web::http::{Page, PageQuery, Problem, RequestContext};

/// Filters of the audit log.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// An action, or the part before its dot: `link` selects every event about links.
    #[param(example = "link.changed")]
    action: Option<String>,
    /// The id of the staff member or account who acted, `operator` or `system`.
    #[param(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    actor: Option<String>,
    /// The first day, in the practice's time zone, or an RFC 3339 time.
    #[param(example = "2026-11-01")]
    from: Option<String>,
    /// The last day (included), or the RFC 3339 time before which the event happened.
    #[param(example = "2026-11-22")]
    to: Option<String>,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Staff(error) => error.into(),
            Error::InvalidMoment(field) => Self::wrong_field(
                field,
                "invalid_moment",
                "Use a date like 2026-11-22 or a time like 2026-11-22T15:00:00Z.",
            ),
            Error::TooManyEvents => {
                let detail = "A file can hold 100,000 events. Choose fewer days.";
                Self::wrong_field("/from", "too_many", detail)
            }
            Error::Db(error) => error.into(),
        }
    }
}

impl AuditQuery {
    fn parse(self) -> Query {
        let Self { action, actor, from, to } = self;
        // No action and no id contains U+0000, and PostgreSQL's text type cannot hold it.
        let clean = |text: Option<String>| text.map(|text| text.replace('\0', "\u{fffd}"));
        Query { action: clean(action), actor: clean(actor), from, to }
    }
}

/// One event of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditEvent {
    /// The id of the audit event.
    id: EventId,
    /// When the action was taken.
    at: Timestamp,
    /// The id of the staff member or account who acted, `operator` or `system`.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    actor: String,
    /// The action that was taken.
    #[schema(example = "link.changed")]
    action: String,
    /// The id of the object that was acted on.
    #[schema(example = "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    subject: String,
    /// Further details, for example the values before and after a change.
    #[schema(
        value_type = Object,
        example = json!({ "before": { "label": "Flyer" }, "after": { "label": "Poster" } })
    )]
    detail: Value,
    /// Position in the practice's hash chain, which also holds events that this list does not show, so that
    /// numbers are missing here; `null` for events older than the chain.
    #[schema(required = true, example = 42)]
    number: Option<i64>,
    /// SHA-256 of this event together with the hash of the one before it in the chain. Whether the chain is
    /// complete, the operator's `practice-links admin audit verify` tells.
    #[schema(required = true, example = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg")]
    hash: Option<String>,
}

impl AuditEvent {
    fn of(row: Event) -> Self {
        let detail = row.detail();
        Self {
            id: row.id,
            at: row.at,
            actor: row.actor,
            action: row.kind,
            subject: row.subject,
            detail,
            number: row.chain_seq,
            hash: row.chain_hash,
        }
    }
}

problems!(ListAuditProblems: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// List the audit log
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PageQuery, AuditQuery),
    responses(
        (
            status = 200,
            description = "Audit events, newest first; for admins and the operator's support",
            body = Page<AuditEvent>,
        ),
        ListAuditProblems,
    ),
)]
#[get("/v1/practice/audit")]
pub(crate) async fn list_audit_events(
    service: Data<Service>,
    call: RequestContext,
    page: web::Query<PageQuery>,
    query: web::Query<AuditQuery>,
) -> Result<Json<Page<AuditEvent>>, Problem> {
    let (limit, before, query) = (page.limit()?, page.after()?, query.into_inner().parse());
    let rows = service.read_as_staff(&call, Permission::ConfigurePractice, move |tx, staff| {
        audit_log::list(tx, staff, &query, (&before, limit + 1))
    });
    let page = Page::of(rows.await?, limit, Event::key);
    let items = page.items.into_iter().map(AuditEvent::of).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Export the audit log as CSV
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(AuditQuery),
    responses(
        (
            status = 200,
            description = "CSV (RFC 4180), oldest first, at most 100,000 events. The export is recorded in \
                the audit log",
            content_type = "text/csv",
            body = String,
        ),
        ListAuditProblems,
    ),
)]
#[get("/v1/practice/audit.csv")]
pub(crate) async fn export_audit_events(
    service: Data<Service>,
    call: RequestContext,
    query: web::Query<AuditQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.into_inner().parse();
    let file = service
        .write_as_staff(&call, Permission::Administer, move |tx, staff| audit_log::export(tx, staff, &query));
    Ok(csv_file("audit", file.await?))
}
