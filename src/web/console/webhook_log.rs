//! One webhook and its delivery log.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::layout::{Frame, Section, Session, SessionForm};
use super::on;
use super::viewer::Viewer;
use crate::domain::staff::{Permission, Staff};
use crate::domain::webhooks::{self, DeliveryState, Endpoint, LoggedDelivery};
use crate::kit::WebhookId;
use crate::platform::{Service, Tx};
use crate::web::http::{Page, PageQuery, PathId, Problem};

#[derive(Template)]
#[template(path = "web/console/pages/webhook.html")]
struct Webhook<'a> {
    f: &'a Frame,
    endpoint: Endpoint,
    deliveries: Vec<LoggedDelivery>,
    next: Option<String>,
}

/// `GET /console/settings/webhooks/{id}`: the webhook and its deliveries.
pub(super) async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<WebhookId>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, cursor) = (page.limit()?, page.after()?);
    let load = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Problem> {
        let endpoint = webhooks::find(tx, staff, &id.0)?;
        let before = Some(cursor.as_str()).filter(|cursor| !cursor.is_empty());
        let deliveries = webhooks::deliveries(tx, staff, &id.0, before, limit + 1)?;
        Ok((Viewer::of(tx, staff)?, endpoint, deliveries))
    };
    let (who, endpoint, deliveries) = service.read_as_staff(&session, Permission::Administer, load).await?;
    let f = session.frame(&service, who, Section::Settings);
    let key = |logged: &LoggedDelivery| logged.delivery.id.to_string();
    let Page { items: deliveries, next_cursor: next } = Page::of(deliveries, limit, key);
    f.page(&service, Webhook { f: &f, endpoint, deliveries, next }.render())
}

/// `POST /console/settings/webhooks/{id}/deliveries/{delivery}/replay`: sends an event again.
pub(super) async fn replay(
    service: Data<Service>,
    id: PathId<WebhookId>,
    request: HttpRequest,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let delivery = PathId::named(&request, "delivery");
    let back = format!("/console/settings/webhooks/{}?done=replayed", id.0);
    let replay = move |tx: &mut Tx<'_>, staff: &Staff| webhooks::replay(tx, staff, &id.0, &delivery.0);
    service.write_as_staff(&sent.session, Permission::Administer, replay).await?;
    Ok(on(&back))
}
