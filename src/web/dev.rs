//! `/dev` and `/dev/messages`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get};
use askama::Template;
use serde::{Deserialize, Serialize};
use strum::VariantArray as _;
use utoipa::{IntoParams, ToSchema};

use crate::delivery::sms::development::{self, CaughtMessage};
use crate::kit::{Language, Phone};
use crate::platform::Service;
use crate::problems;
use crate::web::http::{Code, Problem, html};

/// The code of the demo practice's link.
pub const DEMO_CODE: &str = "123456";

#[derive(Template)]
#[template(path = "web/dev/page.html")]
struct DevPage<'a> {
    nonce: &'a str,
    public_url: &'a str,
    demo_code: &'a str,
    languages: &'static [Language],
}

problems!(DevProblems: plain, NotFound, InvalidRequest);

/// Show the development page: a phone to try the sign-up with, and the messages that were sent
#[utoipa::path(
    tag = "development",
    responses((status = 200, description = "The development page", content_type = "text/html"), DevProblems),
)]
#[get("/dev")]
pub(crate) async fn get_dev_page(service: Data<Service>) -> Result<HttpResponse, Problem> {
    only_in_development(&service)?;
    let nonce = html::nonce(&service);
    let (public_url, languages) = (&service.settings.public_url, Language::VARIANTS);
    let page = DevPage { nonce: &nonce, public_url, demo_code: DEMO_CODE, languages };
    html::page(&service, StatusCode::OK, &nonce, html::PagePolicy::Script, page.render())
}

/// Which messages to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessagesQuery {
    /// Only messages to this phone number or e-mail address.
    #[param(example = "+14155552671")]
    to: Option<String>,
}

/// The messages that were sent.
#[derive(Serialize, ToSchema)]
pub struct CaughtList {
    /// Newest first, at most 100.
    items: Vec<CaughtMessage>,
}

/// List the messages that were sent, newest first
#[utoipa::path(
    tag = "development", params(MessagesQuery),
    responses((status = 200, description = "The messages that were sent", body = CaughtList), DevProblems),
)]
#[get("/dev/messages")]
pub(crate) async fn list_dev_messages(
    service: Data<Service>,
    query: Query<MessagesQuery>,
) -> Result<Json<CaughtList>, Problem> {
    only_in_development(&service)?;
    let to = query.into_inner().to.map(|to| recipient(&service, &to));
    let items = service.read(move |tx| development::list(tx, to.as_deref()));
    Ok(Json(CaughtList { items: items.await? }))
}

/// Accepts a number in any spelling, also with the `+` that a query string turned into a blank.
fn recipient(service: &Service, to: &str) -> String {
    let region = &service.settings.verification.default_region;
    let text = to.trim().replace('\0', "");
    let text = text.as_str();
    let phone = Phone::parse(text, Some(region)).or_else(|_| Phone::parse(&format!("+{text}"), None));
    phone.map_or_else(|_| text.to_lowercase(), |phone| phone.as_e164().to_owned())
}

fn only_in_development(service: &Service) -> Result<(), Problem> {
    match service.settings.is_development() {
        true => Ok(()),
        false => Err(Problem::new(Code::NotFound, "Check the address.")),
    }
}
