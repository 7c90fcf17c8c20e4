//! What was done in the practice.

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::super::audit::{self, Asked};
use super::csv_file;
use crate::app::App;
use crate::audit::Row;
use crate::http::{Call, Page, PageQuery, Problem};
use crate::kit::Timestamp;
use crate::refusals;

/// Which events are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// An action, or what stands before its dot: `link` for all that was done to links.
    #[param(example = "link.changed")]
    action: Option<String>,
    /// Who did it: a staff member's or account's id, `operator` or `system`.
    #[param(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    actor: Option<String>,
    /// The first day, in the practice's time zone; or a moment (RFC 3339).
    #[param(example = "2026-11-01")]
    from: Option<String>,
    /// The last day, or the moment before which it was done.
    #[param(example = "2026-11-22")]
    to: Option<String>,
}

impl AuditQuery {
    fn asked(self) -> Asked {
        let Self { action, actor, from, to } = self;
        // U+0000 is in no action and no id, and PostgreSQL's text cannot hold it.
        let clean = |text: Option<String>| text.map(|text| text.replace('\0', "\u{fffd}"));
        Asked { action: clean(action), actor: clean(actor), from, to }
    }
}

/// One thing that was done.
#[derive(Serialize, ToSchema)]
pub struct AuditEvent {
    /// Its id.
    #[schema(example = "aud_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    id: String,
    /// When.
    at: Timestamp,
    /// By whom: a staff member's or account's id, `operator` or `system`.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    actor: String,
    /// What.
    #[schema(example = "link.changed")]
    action: String,
    /// To what, by id.
    #[schema(example = "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    subject: String,
    /// What else is known, e.g. how it was before and after.
    #[schema(value_type = Object, example = json!({ "before": { "label": "Flyer" }, "after": { "label": "Poster" } }))]
    detail: Value,
    /// Its place in the practice's chain; `null` where it is older than that.
    #[schema(required = true, example = 42)]
    number: Option<i64>,
    /// SHA-256 over the event and the hash of the one before it.
    #[schema(required = true, example = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg")]
    hash: Option<String>,
}

impl AuditEvent {
    fn of(row: Row) -> Self {
        Self {
            id: row.id,
            at: row.created_at,
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            detail: serde_json::from_str(&row.detail).unwrap_or_default(),
            number: row.seq,
            hash: row.hash,
        }
    }
}

refusals!(ListAuditRefusals: plain, Unauthorized, StaffForbidden, InvalidRequest);

/// Lists what was done in the practice, for its admins
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(PageQuery, AuditQuery), responses((status = 200, description = "Events, newest first", body = Page<AuditEvent>), ListAuditRefusals))]
#[get("/v1/practice/audit")]
pub async fn list_audit(
    app: Data<App>,
    call: Call,
    page: Query<PageQuery>,
    query: Query<AuditQuery>,
) -> Result<Json<Page<AuditEvent>>, Problem> {
    let (limit, before, asked) = (page.limit()?, page.after()?, query.into_inner().asked());
    let rows =
        app.read(move |ctx, conn| audit::list(ctx, conn, call.bearer.as_ref(), &asked, (&before, limit + 1)));
    let page = Page::of(rows.await?, limit, Row::key);
    let items = page.items.into_iter().map(AuditEvent::of).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// The same as a file; that it was taken away is an event too
#[utoipa::path(tag = "practice", security(("staff_token" = [])), params(AuditQuery), responses((status = 200, description = "CSV (RFC 4180), oldest first, at most 100,000 events", content_type = "text/csv", body = String), ListAuditRefusals))]
#[get("/v1/practice/audit.csv")]
pub async fn export_audit(
    app: Data<App>,
    call: Call,
    query: Query<AuditQuery>,
) -> Result<HttpResponse, Problem> {
    let asked = query.into_inner().asked();
    let file = app.write(move |ctx, conn| audit::export(ctx, conn, call.bearer.as_ref(), &asked));
    Ok(csv_file("audit", file.await?))
}
