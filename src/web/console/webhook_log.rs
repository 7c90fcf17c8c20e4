//! One webhook and its delivery log.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::layout::{Frame, Sent, Session};
use super::on;
use super::webhooks::find;
use crate::domain::webhooks::{self, Delivery, Endpoint, State};
use crate::platform::tx::App;
use crate::web::http::{Id, Page, PageQuery, Problem};

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
    app: Data<App>,
    session: Session,
    id: Id,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, cursor, token) = (page.limit()?, page.after()?, session.token());
    let (f, endpoint) = find(&app, &session, id.0.clone()).await?;
    let told = app.read(move |ctx, conn| {
        let before = Some(cursor.as_str()).filter(|cursor| !cursor.is_empty());
        webhooks::deliveries(ctx, conn, token.as_ref(), &id.0, before, limit + 1)
    });
    let key = |(delivery, _): &(Delivery, String)| delivery.id.clone();
    let Page { items: told, next_cursor: next } = Page::of(told.await?, limit, key);
    let is_active = endpoint.state() == State::Active;
    f.page(&app, Webhook { f: &f, endpoint, is_active, told, next }.render())
}

/// `POST /console/settings/webhooks/{id}/deliveries/{delivery}/replay`: sends an event again.
pub async fn replay(
    app: Data<App>,
    id: Id,
    request: HttpRequest,
    sent: Sent,
) -> Result<HttpResponse, Problem> {
    let (delivery, token) = (Id::named(&request, "delivery"), sent.session.token());
    let back = format!("/console/settings/webhooks/{}?done=replayed", id.0);
    app.write(move |ctx, conn| webhooks::replay(ctx, conn, token.as_ref(), &id.0, &delivery.0)).await?;
    Ok(on(&back))
}
