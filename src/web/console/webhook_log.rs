//! One webhook and its delivery log.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::layout::{Frame, Sent, Session};
use super::on;
use super::webhooks::find;
use crate::domain::webhooks::{self, Delivery, Endpoint, State};
use crate::kit::ids::WebhookId;
use crate::platform::tx::Service;
use crate::web::http::{Page, PageQuery, PathId, Problem};

#[derive(Template)]
#[template(path = "web/console/pages/webhook.html")]
struct Webhook<'a> {
    f: &'a Frame,
    endpoint: Endpoint,
    is_active: bool,
    told: Vec<(Delivery, String)>,
    next: Option<String>,
}

/// `GET /console/settings/webhooks/{id}`: the webhook and its deliveries.
pub async fn show(
    service: Data<Service>,
    session: Session,
    id: PathId<WebhookId>,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, cursor, token) = (page.limit()?, page.after()?, session.token());
    let (f, endpoint) = find(&service, &session, id.0.clone()).await?;
    let told = service.read(move |tx| {
        let before = Some(cursor.as_str()).filter(|cursor| !cursor.is_empty());
        webhooks::deliveries(tx, token.as_ref(), &id.0, before, limit + 1)
    });
    let key = |(delivery, _): &(Delivery, String)| delivery.id.to_string();
    let Page { items: told, next_cursor: next } = Page::of(told.await?, limit, key);
    let is_active = endpoint.state() == State::Active;
    f.page(&service, Webhook { f: &f, endpoint, is_active, told, next }.render())
}

/// `POST /console/settings/webhooks/{id}/deliveries/{delivery}/replay`: sends an event again.
pub async fn replay(
    service: Data<Service>,
    id: PathId<WebhookId>,
    request: HttpRequest,
    sent: Sent,
) -> Result<HttpResponse, Problem> {
    let (delivery, token) = (PathId::named(&request, "delivery"), sent.session.token());
    let back = format!("/console/settings/webhooks/{}?done=replayed", id.0);
    service.write(move |tx| webhooks::replay(tx, token.as_ref(), &id.0, &delivery.0)).await?;
    Ok(on(&back))
}
