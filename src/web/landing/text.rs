//! "Text me the link": the form on the landing page, and the page after it.
//!
//! Post, redirect, get: reloading the last page does not send the text again, with or without JavaScript.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, RETRY_AFTER};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::cache::{Key, NONCE, VISIT};
use super::page::{self, WrongNumber};
use super::pages::{held_back, key, nowhere, unshowable, view};
use super::visit_token::{self, Visit};
use super::{Fresh, digits};
use crate::domain::links::{self, Destination, Opened};
use crate::domain::pending_pairings::{self, Left};
use crate::kit::Phone;
use crate::platform::db;
use crate::refusals;
use crate::web::http::html::Does;
use crate::web::http::{Call, Form, Problem, html, is_same_site};
use crate::web::landing::Landing;

refusals!(TextRefusals: plain, MalformedRequest, RequestTimeout, BodyTooLarge, UnsupportedMediaType);

/// Text the link to the app to a phone number
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", example = "phone=%28415%29+555-2671&visit=1795359600.lnk_0198c1f2.brochure.dmlzaXQ.c2lnbmF0dXJl"),
    responses((status = 303, description = "Redirects to `/{code}/texted`, the same for every number that can receive texts; if the link was paused meanwhile, to its page"),
    (status = 404, description = "No active link has this code", content((String = "text/html"), (crate::web::http::problem::ProblemBody = "application/problem+json"))),
    (status = 422, description = "The page again, with the error next to the field", content_type = "text/html"),
    (status = 429, description = "The page again after too many link requests, or a challenge for a network address that tried many wrong codes", content_type = "text/html"), TextRefusals))]
#[post("/{code}/text")]
pub async fn text_link(
    landing: Data<Landing>,
    call: Call,
    request: HttpRequest,
    code: Path<String>,
    form: Form,
) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    if let Err(wait) =
        landing.code_guesses.admit(&landing.service.settings, &call.network, landing.service.clock.now())
    {
        return held_back(&landing, &call, &code, wait);
    }
    let (key, _) = key(&landing, &call, &request, code.into_inner());
    let (typed, token) = (form.field("phone"), form.field("visit"));
    let is_ours = visit_token::read(&landing.service, &key.code, &token).is_some()
        && is_same_site(&landing.service, &request);
    let (opened, outcome) = match number(&landing, is_ours, &typed) {
        Ok(phone) => leave(&landing, &call, &key.code, phone).await?,
        Err(wrong) => (open(&landing, &key.code).await?, Err(Refused::Wrong(wrong))),
    };
    match (opened, outcome) {
        (Opened::Nowhere { mistyped }, _) => nowhere(&landing, &call, &key.code, mistyped),
        (Opened::Paused(_), _) => Ok(on(&format!("/{}", key.code))),
        (Opened::Open(_), Ok(())) => Ok(on(&format!("/{}/texted", key.code))),
        (Opened::Open(to), Err(refused)) => again(&landing, &key, &to, &typed, &refused),
    }
}

refusals!(AgainRefusals: plain, NotFound);

/// Redirect to the page with the form
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    responses((status = 303, description = "Redirects to `/{code}`"), AgainRefusals))]
#[get("/{code}/text")]
pub async fn redirect_to_text_form(code: Path<String>) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    Ok(on(&format!("/{code}")))
}

refusals!(TextedRefusals: plain);

/// Get the page after the link was texted
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    responses((status = 200, description = "The next steps", content_type = "text/html"),
    (status = 303, description = "The link is paused: redirects to its page"),
    (status = 404, description = "No active link has this code", content((String = "text/html"), (crate::web::http::problem::ProblemBody = "application/problem+json"))),
    (status = 429, description = "A challenge for a network address that tried many wrong codes", content_type = "text/html"), TextedRefusals))]
#[get("/{code}/texted")]
pub async fn get_link_texted_page(
    landing: Data<Landing>,
    call: Call,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    if let Err(wait) =
        landing.code_guesses.admit(&landing.service.settings, &call.network, landing.service.clock.now())
    {
        return held_back(&landing, &call, &code, wait);
    }
    let (key, _) = key(&landing, &call, &request, code.into_inner());
    match open(&landing, &key.code).await? {
        Opened::Nowhere { mistyped } => nowhere(&landing, &call, &key.code, mistyped),
        Opened::Paused(_) => Ok(on(&format!("/{}", key.code))),
        Opened::Open(to) => {
            let nonce = html::nonce(&landing.service);
            let body = page::texted(&view(&landing, &to, &key), &nonce);
            html::page(&landing.service, StatusCode::OK, &nonce, Does::Nothing, body)
        }
    }
}

fn on(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}

/// Parses the number if the form has a valid visit token. An invalid form costs no database work beyond the
/// read of the link whose page is shown.
fn number(landing: &Landing, is_ours: bool, typed: &str) -> Result<Phone, WrongNumber> {
    if !is_ours {
        return Err(WrongNumber::Stale);
    }
    Phone::parse(typed, Some(&landing.service.settings.verification.default_region))
        .map_err(|_| WrongNumber::Unreadable)
}

async fn open(landing: &Landing, code: &str) -> Result<Opened, db::Error> {
    let code = code.to_owned();
    landing.service.read(move |tx| links::open(tx, &code)).await
}

async fn leave(
    landing: &Landing,
    call: &Call,
    code: &str,
    phone: Phone,
) -> Result<(Opened, Result<(), Refused>), db::Error> {
    let (code, wish, network) = (code.to_owned(), call.language, call.network.clone());
    let left = landing.service.write(move |tx| -> Result<_, db::Error> {
        let opened = links::open(tx, &code)?;
        let Opened::Open(to) = &opened else { return Ok((opened, Ok(()))) };
        let language = wish.unwrap_or(to.practice.language());
        let left = Left { phone: &phone, to, language, network: &network };
        let outcome = refused(pending_pairings::leave_number(tx, &left))?;
        Ok((opened, outcome))
    });
    left.await
}

enum Refused {
    Wrong(WrongNumber),
    Limited(crate::kit::Wait),
}

fn refused(outcome: Result<(), pending_pairings::Refusal>) -> db::Result<Result<(), Refused>> {
    Ok(match outcome {
        Ok(()) => Ok(()),
        Err(pending_pairings::Refusal::CountryNotSupported) => Err(Refused::Wrong(WrongNumber::Country)),
        Err(pending_pairings::Refusal::CannotText) => Err(Refused::Wrong(WrongNumber::Landline)),
        Err(pending_pairings::Refusal::Limited(wait)) => Err(Refused::Limited(wait)),
        Err(pending_pairings::Refusal::Db(error)) => return Err(error),
        Err(
            pending_pairings::Refusal::Gone
            | pending_pairings::Refusal::Invite(_)
            | pending_pairings::Refusal::Link(_),
        ) => Err(Refused::Wrong(WrongNumber::Stale)),
    })
}

/// Shows the page again, with the error next to the field.
fn again(
    landing: &Landing,
    key: &Key,
    to: &Destination,
    typed: &str,
    refused: &Refused,
) -> Result<HttpResponse, Problem> {
    let (fresh, view) = (Fresh::draw(&landing.service), view(landing, to, key));
    let (status, error, wait) = match refused {
        Refused::Wrong(wrong) => {
            (StatusCode::UNPROCESSABLE_ENTITY, page::wrong_number(view.language, *wrong).to_owned(), None)
        }
        Refused::Limited(wait) => {
            (StatusCode::TOO_MANY_REQUESTS, page::limited(view.language, *wait), Some(wait))
        }
    };
    // What a person typed may contain anything, including the placeholders of a rendered page.
    let form = page::Form { phone: typed.replace(char::is_control, ""), error };
    let page = page::landing(&view, &form).map_err(|_| unshowable())?;
    let visit = Visit { id: &fresh.visit_id, link_id: Cow::Borrowed(&to.link.id), channel: "" };
    let visit = visit_token::sign(&landing.service, &key.code, &visit);
    let page = page.replace(NONCE, &fresh.nonce).replace(VISIT, &visit);
    let mut response = html::page(&landing.service, status, &fresh.nonce, Does::Both, Ok(page))?;
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, wait.seconds.into());
    }
    Ok(response)
}
