//! "Text me the link": the form on the landing page, and the page after it.
//!
//! Post, redirect, get: reloading the last page does not send the text again, with or without JavaScript.

use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, RETRY_AFTER};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::cache::PageKey;
use super::document::{self, VISIT};
use super::landing_page::{page_key, policy, view};
use super::templates::{self, PhoneError};
use super::{Landing, challenge, digits, inline, visit_token};
use crate::domain::links::{self, Destination, Lookup};
use crate::domain::pending_pairings::{self, AppLinkRequest};
use crate::kit::{Phone, Wait};
use crate::platform::db;
use crate::problems;
use crate::web::http::html::PagePolicy;
use crate::web::http::{Form, Problem, RequestContext, is_same_site};

problems!(TextProblems: plain, MalformedRequest, RequestTimeout, BodyTooLarge, UnsupportedMediaType);

/// Text the link to the app to a phone number
#[utoipa::path(
    tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    request_body(
        content = String,
        content_type = "application/x-www-form-urlencoded",
        example = "phone=%28415%29+555-2671&visit=1795359600.lnk_0198c1f2.brochure.dmlzaXQ.c2lnbmF0dXJl",
    ),
    responses(
        (
            status = 303,
            description = "Redirects to `/{code}/texted`, the same for every number that can receive texts; \
                if the link was paused meanwhile, to its page",
        ),
        (
            status = 404,
            description = "No active link has this code",
            content(
                (String = "text/html"),
                (crate::web::http::problem::ProblemBody = "application/problem+json"),
            ),
        ),
        (
            status = 422,
            description = "The page again, with the error next to the field",
            content_type = "text/html",
        ),
        (
            status = 429,
            description = "The page again after too many link requests, or a challenge for a network address \
                that tried many wrong codes",
            content_type = "text/html",
        ),
        TextProblems,
    ),
)]
#[post("/{code}/text")]
pub(crate) async fn text_link(
    landing: Data<Landing>,
    call: RequestContext,
    request: HttpRequest,
    code: Path<String>,
    form: Form,
) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    if let Err(wait) = landing.admit(&call) {
        return challenge::blocked(&landing, &call, &code, wait);
    }
    let (key, _) = page_key(&landing, &call, &request, code.into_inner());
    let (typed, token) = (form.field("phone"), form.field("visit"));
    let is_ours = visit_token::verify(&landing.service, &key.code, &token).is_some()
        && is_same_site(&landing.service, &request);
    let (lookup, outcome) = match parse_phone(&landing, is_ours, &typed) {
        Ok(phone) => request_app_link(&landing, &call, &key.code, phone).await?,
        Err(wrong) => (look_up(&landing, &key.code).await?, Err(FormError::Phone(wrong))),
    };
    match (lookup, outcome) {
        (Lookup::NotFound { mistyped }, _) => {
            challenge::unknown_code(&landing, &call, &key.code, mistyped).await
        }
        (Lookup::Paused(_), _) => Ok(see_other(&format!("/{}", key.code))),
        (Lookup::Open(_), Ok(())) => Ok(see_other(&format!("/{}/texted", key.code))),
        (Lookup::Open(to), Err(error)) => show_again(&landing, &key, &to, &typed, &error),
    }
}

problems!(AgainProblems: plain, NotFound);

/// Redirect to the page with the form
#[utoipa::path(
    tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    responses((status = 303, description = "Redirects to `/{code}`"), AgainProblems),
)]
#[get("/{code}/text")]
pub(crate) async fn redirect_to_text_form(code: Path<String>) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    Ok(see_other(&format!("/{code}")))
}

problems!(TextedProblems: plain);

/// Get the page after the link was texted
#[utoipa::path(
    tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    responses(
        (status = 200, description = "The next steps", content_type = "text/html"),
        (status = 303, description = "The link is paused: redirects to its page"),
        (
            status = 404,
            description = "No active link has this code",
            content(
                (String = "text/html"),
                (crate::web::http::problem::ProblemBody = "application/problem+json"),
            ),
        ),
        (
            status = 429,
            description = "A challenge for a network address that tried many wrong codes",
            content_type = "text/html",
        ),
        TextedProblems,
    ),
)]
#[get("/{code}/texted")]
pub(crate) async fn get_link_texted_page(
    landing: Data<Landing>,
    call: RequestContext,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    if let Err(wait) = landing.admit(&call) {
        return challenge::blocked(&landing, &call, &code, wait);
    }
    let (key, _) = page_key(&landing, &call, &request, code.into_inner());
    match look_up(&landing, &key.code).await? {
        Lookup::NotFound { mistyped } => challenge::unknown_code(&landing, &call, &key.code, mistyped).await,
        Lookup::Paused(_) => Ok(see_other(&format!("/{}", key.code))),
        Lookup::Open(to) => {
            let page = templates::texted(&view(&landing, &to, &key));
            let policy = (&inline::PLAIN_STYLE, PagePolicy::Nothing);
            document::respond(&landing, call.accepted, StatusCode::OK, policy, page).await
        }
    }
}

fn see_other(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}

/// Parses the number if the form has a valid visit token. An invalid form costs no database work beyond the
/// read of the link whose page is shown.
fn parse_phone(landing: &Landing, is_ours: bool, typed: &str) -> Result<Phone, PhoneError> {
    if !is_ours {
        return Err(PhoneError::Stale);
    }
    Phone::parse(typed, Some(&landing.settings().verification.default_region))
        .map_err(|_| PhoneError::Unreadable)
}

async fn look_up(landing: &Landing, code: &str) -> Result<Lookup, db::Error> {
    let code = code.to_owned();
    landing.service.read(move |tx| links::look_up(tx, &code)).await
}

async fn request_app_link(
    landing: &Landing,
    call: &RequestContext,
    code: &str,
    phone: Phone,
) -> Result<(Lookup, Result<(), FormError>), db::Error> {
    let (code, wish, network) = (code.to_owned(), call.language, call.network.clone());
    let requested = landing.service.write(move |tx| -> Result<_, db::Error> {
        let lookup = links::look_up(tx, &code)?;
        let Lookup::Open(to) = &lookup else { return Ok((lookup, Ok(()))) };
        let language = wish.unwrap_or(to.practice.language);
        let request = AppLinkRequest { phone: &phone, to, language, network: &network };
        let outcome = form_error(pending_pairings::request_app_link(tx, &request))?;
        Ok((lookup, outcome))
    });
    requested.await
}

/// What is shown next to the field.
enum FormError {
    Phone(PhoneError),
    Limited(Wait),
}

fn form_error(outcome: Result<(), pending_pairings::Error>) -> db::Result<Result<(), FormError>> {
    use pending_pairings::Error;
    Ok(match outcome {
        Ok(()) => Ok(()),
        Err(Error::CountryNotSupported) => Err(FormError::Phone(PhoneError::Country)),
        Err(Error::CannotText) => Err(FormError::Phone(PhoneError::Landline)),
        Err(Error::Limited(wait)) => Err(FormError::Limited(wait)),
        Err(Error::Db(error)) => return Err(error),
        Err(Error::Gone | Error::Invite(_) | Error::Link(_)) => Err(FormError::Phone(PhoneError::Stale)),
    })
}

fn show_again(
    landing: &Landing,
    key: &PageKey,
    to: &Destination,
    typed: &str,
    error: &FormError,
) -> Result<HttpResponse, Problem> {
    let view = view(landing, to, key);
    let (status, error, wait) = match error {
        FormError::Phone(error) => {
            (StatusCode::UNPROCESSABLE_ENTITY, templates::phone_error(view.language, *error).to_owned(), None)
        }
        FormError::Limited(wait) => {
            (StatusCode::TOO_MANY_REQUESTS, templates::limited(view.language, *wait), Some(wait))
        }
    };
    // What a person typed may contain anything, including the placeholders of a rendered page.
    let form = templates::Form { phone: typed.replace(char::is_control, ""), error };
    let visit = visit_token::issue(&landing.service, &key.code, &to.link.id, "");
    let page = templates::landing(&view, &form).map(|page| page.replace(VISIT, &visit));
    let mut response = document::respond_plainly(landing, status, policy(&view)?, page)?;
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, wait.seconds.into());
    }
    Ok(response)
}
