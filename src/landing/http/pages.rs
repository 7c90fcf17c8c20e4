//! The pages themselves.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, LOCATION, RETRY_AFTER};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::super::agent::Visitor;
use super::super::cache::{Drawn, Key, NONCE, VISIT};
use super::super::page::{self, View, WrongNumber};
use super::super::{ticket, visit};
use super::{Fresh, digits, is_open_host};
use crate::app::{App, Ctx};
use crate::db;
use crate::deferred::{self, Left};
use crate::funnel::Step;
use crate::http::call::is_head;
use crate::http::html::Does;
use crate::http::{Call, Code, Form, Problem, html};
use crate::kit::{Phone, Timestamp};
use crate::links::{self, Destination, Opened};
use crate::refusals;

refusals!(LandingRefusals: plain);

/// The landing page of a practice's link
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code, 6 to 12 digits", example = "123456"), ("s" = Option<String>, Query, description = "A channel to count by, `[a-z0-9-]{1,32}`", example = "brochure")),
    responses((status = 200, description = "The practice's page; of a paused link, one that says so", content_type = "text/html"),
    (status = 404, description = "One and the same page for unknown, closed and suspended codes; or a problem, where the path is no number", content((String = "text/html"), (crate::http::problem::ProblemBody = "application/problem+json"))),
    (status = 429, description = "A challenge for an address that tried many codes in vain", content_type = "text/html"), LandingRefusals))]
#[get("/{code}", guard = "super::is_code_path")]
pub async fn landing(
    app: Data<App>,
    call: Call,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    show(&app, &call, &request, code.into_inner(), false).await
}

/// The landing page, reached by a printed QR code
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code, 6 to 12 digits", example = "123456"), ("s" = Option<String>, Query, description = "A channel to count by", example = "brochure")),
    responses((status = 200, description = "The practice's page", content_type = "text/html"),
    (status = 404, description = "As for the plain link", content((String = "text/html"), (crate::http::problem::ProblemBody = "application/problem+json"))),
    (status = 429, description = "As for the plain link", content_type = "text/html"), LandingRefusals))]
#[get("/Q/{code}", guard = "super::is_code_path")]
pub async fn scanned(
    app: Data<App>,
    call: Call,
    request: HttpRequest,
    code: Path<String>,
) -> Result<HttpResponse, Problem> {
    show(&app, &call, &request, code.into_inner(), true).await
}

async fn show(
    app: &Data<App>,
    call: &Call,
    request: &HttpRequest,
    code: String,
    is_scan: bool,
) -> Result<HttpResponse, Problem> {
    digits(&code)?;
    let ctx = app.ctx();
    if app.guests.is_too_fast(&app.config, &call.network, ctx.now) {
        return challenge(app, call, &code, 0, None);
    }
    let visitor = Visitor::of(request.headers(), |agent| app.front.lead(agent));
    let key =
        Key { code, language: call.language, lead: visitor.lead, is_open_host: is_open_host(app, request) };
    let drawn = match app.front.find(&key) {
        Some(drawn) => drawn,
        None => match draw(app, &key).await? {
            Ok(drawn) => drawn,
            Err(mistyped) => return nowhere(app, call, &key.code, mistyped),
        },
    };
    let ask = Ask {
        key: &key,
        query: request.query_string(),
        is_machine: visitor.is_machine,
        is_scan,
        is_head: is_head(request),
    };
    shown(app, &ctx, &drawn, &ask)
}

/// What a page is asked for with.
pub(super) struct Ask<'a> {
    /// Which page.
    pub key: &'a Key,
    /// The address's query.
    pub query: &'a str,
    /// Whether a machine asks.
    pub is_machine: bool,
    /// Whether the printed QR code led here.
    pub is_scan: bool,
    /// Whether the page itself is not wanted.
    pub is_head: bool,
}

/// A drawn page with what is new on it, counted.
pub(super) fn shown(app: &App, ctx: &Ctx, drawn: &Drawn, ask: &Ask<'_>) -> Result<HttpResponse, Problem> {
    let channel = visit::channel(ask.query);
    if !ask.is_head {
        count(app, ctx.now, drawn, channel, ask);
    }
    let fresh = Fresh::draw(ctx);
    let stamp =
        drawn.stamp(ctx.now.seconds(), channel, || visit::stamp(ctx, &ask.key.code, &drawn.link_id, channel));
    let visit = visit::token(&stamp, &fresh.visit_id);
    let does = if drawn.is_open { Does::Both } else { Does::Nothing };
    html::page(app, StatusCode::OK, &fresh.nonce, does, Ok(drawn.page(&fresh.nonce, &visit)))
}

fn count(app: &App, now: Timestamp, drawn: &Drawn, channel: &str, ask: &Ask<'_>) {
    let add = |step| app.tally.add(now, &drawn.link_id, step, channel);
    add(Step::View);
    match (ask.is_machine, ask.is_scan) {
        (true, _) => add(Step::BotView),
        (false, true) => add(Step::Scan),
        (false, false) => {}
    }
}

/// Draws a page and keeps it; `Err` is a code that leads nowhere, and whether it looks mistyped.
async fn draw(app: &Data<App>, key: &Key) -> Result<Result<Arc<Drawn>, bool>, Problem> {
    let (generation, code) = (app.front.generation(), key.code.clone());
    let (to, is_open) = match app.read(move |_, conn| links::open(conn, &code)).await? {
        Opened::Open(to) => (to, true),
        Opened::Paused(to) => (to, false),
        Opened::Nowhere { mistyped } => return Ok(Err(mistyped)),
    };
    let view = view(app, &to, key);
    let page = if is_open { page::landing(&view, &page::Form::default()) } else { page::paused(&view) };
    let drawn = Arc::new(Drawn::new(&to.link.id, is_open, &page.map_err(|_| unshowable())?));
    app.front.keep(key.clone(), &drawn, generation);
    Ok(Ok(drawn))
}

fn view<'a>(app: &'a App, to: &'a Destination, key: &Key) -> View<'a> {
    View {
        config: &app.config,
        badges: app.front.badges(&app.config),
        to,
        language: key.language.unwrap_or(to.practice.language()),
        lead: key.lead,
        is_open_host: key.is_open_host,
    }
}

fn unshowable() -> Problem {
    Problem::new(Code::Internal, "This page cannot be shown.")
}

/// Prefixes of codes are typed on the way to a whole one, and fetched by browsers that complete addresses:
/// they are no misses.
fn nowhere(app: &App, call: &Call, code: &str, mistyped: bool) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    if (6..=12).contains(&code.len())
        && let Some(until) = app.guests.miss(&app.config, &call.network, now)
    {
        return challenge(app, call, code, 0, Some(until.seconds_from(now)));
    }
    let nonce = html::nonce(app);
    let body = page::not_found(&app.config, call.language.unwrap_or_default(), mistyped, &nonce);
    html::page(app, StatusCode::NOT_FOUND, &nonce, Does::Nothing, body)
}

fn challenge(
    app: &App,
    call: &Call,
    code: &str,
    early: u64,
    wait: Option<u64>,
) -> Result<HttpResponse, Problem> {
    let (nonce, ticket) = (html::nonce(app), ticket::sign(&app.ctx(), &call.network));
    let body = page::challenge(call.language.unwrap_or_default(), &ticket, code, early, &nonce);
    let mut response = html::page(app, StatusCode::TOO_MANY_REQUESTS, &nonce, Does::Form, body)?;
    response.headers_mut().insert(RETRY_AFTER, wait.unwrap_or(60).max(1).into());
    Ok(response)
}

refusals!(ChallengeRefusals: plain, MalformedRequest, RequestTimeout, BodyTooLarge, UnsupportedMediaType);

/// Passes the challenge of an address that tried many codes in vain
#[utoipa::path(tag = "links", request_body(content = String, content_type = "application/x-www-form-urlencoded", example = "ticket=1795359600.c29tZXRoaW5n.c2lnbmF0dXJl&code=123456"),
    responses((status = 303, description = "On to the code's page"),
    (status = 429, description = "Too early, or no ticket of ours: the challenge again", content_type = "text/html"), ChallengeRefusals))]
#[post("/challenge")]
pub async fn pass_challenge(app: Data<App>, call: Call, form: Form) -> Result<HttpResponse, Problem> {
    let (ticket, code) = (form.field("ticket"), form.field("code"));
    let code = if digits(&code).is_ok() && code.len() <= 12 { code } else { String::new() };
    match ticket::worth(&app.ctx(), &call.network, &ticket) {
        ticket::Worth::Good if app.guests.forgive(&call.network, &ticket) => {
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, format!("/{code}"))).finish())
        }
        ticket::Worth::TooEarly(seconds) => challenge(&app, &call, &code, seconds, Some(seconds)),
        _ => challenge(&app, &call, &code, 0, None),
    }
}

refusals!(TextRefusals: plain, MalformedRequest, RequestTimeout, BodyTooLarge, UnsupportedMediaType);

/// Texts the app's link to a number left on the page
#[utoipa::path(tag = "links", params(("code" = String, Path, description = "The link's code", example = "123456")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", example = "phone=%28415%29+555-2671&visit=1795359600.dmlzaXQ.lnk_0198c1f2.brochure.c2lnbmF0dXJl"),
    responses((status = 200, description = "One and the same page for every number that takes texts", content_type = "text/html"),
    (status = 404, description = "The code leads nowhere", content((String = "text/html"), (crate::http::problem::ProblemBody = "application/problem+json"))),
    (status = 422, description = "The page again, with what is wrong beside the field", content_type = "text/html"),
    (status = 429, description = "The page again: too many links were asked for", content_type = "text/html"), TextRefusals))]
#[post("/{code}/text")]
pub async fn text_link(
    app: Data<App>,
    call: Call,
    request: HttpRequest,
    code: Path<String>,
    form: Form,
) -> Result<HttpResponse, Problem> {
    let code = code.into_inner();
    digits(&code)?;
    let (typed, token) = (form.field("phone"), form.field("visit"));
    let is_ours = visit::read(&app.ctx(), &code, &token).is_some() && is_same_site(&app, &request);
    let key = Key {
        code,
        language: call.language,
        lead: Visitor::of(request.headers(), |agent| app.front.lead(agent)).lead,
        is_open_host: is_open_host(&app, &request),
    };
    let (network, wish, wanted, number) =
        (call.network.clone(), call.language, key.code.clone(), typed.clone());
    let left = app.write(move |ctx, conn| -> Result<_, db::Error> {
        let Opened::Open(to) = links::open(conn, &wanted)? else { return Ok(None) };
        let language = wish.unwrap_or(to.practice.language());
        let region = ctx.config.verification.default_region.clone();
        let outcome = match Phone::parse(&number, Some(&region)) {
            _ if !is_ours => Err(Refused::Wrong(WrongNumber::Stale)),
            Err(_) => Err(Refused::Wrong(WrongNumber::Unreadable)),
            Ok(phone) => {
                let left = Left { phone: &phone, to: &to, language, network: &network };
                refused(deferred::leave_number(ctx, conn, &left))?
            }
        };
        Ok(Some((to, outcome)))
    });
    match left.await? {
        None => nowhere(&app, &call, &key.code, false),
        Some((to, outcome)) => answer(&app, &key, &to, &typed, outcome),
    }
}

/// Why no text is sent, as the page says it.
enum Refused {
    Wrong(WrongNumber),
    Limited(crate::kit::Wait),
}

fn refused(outcome: Result<(), deferred::Refusal>) -> db::Result<Result<(), Refused>> {
    Ok(match outcome {
        Ok(()) => Ok(()),
        Err(deferred::Refusal::CountryNotSupported) => Err(Refused::Wrong(WrongNumber::Country)),
        Err(deferred::Refusal::CannotText) => Err(Refused::Wrong(WrongNumber::Landline)),
        Err(deferred::Refusal::Limited(wait)) => Err(Refused::Limited(wait)),
        Err(deferred::Refusal::Db(error)) => return Err(error),
        Err(deferred::Refusal::Gone | deferred::Refusal::Link(_)) => Err(Refused::Wrong(WrongNumber::Stale)),
    })
}

fn answer(
    app: &App,
    key: &Key,
    to: &Destination,
    typed: &str,
    outcome: Result<(), Refused>,
) -> Result<HttpResponse, Problem> {
    let ctx = app.ctx();
    let (fresh, view) = (Fresh::draw(&ctx), view(app, to, key));
    let refused = match outcome {
        Ok(()) => {
            let body = page::texted(&view, &fresh.nonce);
            return html::page(app, StatusCode::OK, &fresh.nonce, Does::Nothing, body);
        }
        Err(refused) => refused,
    };
    let (status, error, wait) = match refused {
        Refused::Wrong(wrong) => {
            (StatusCode::UNPROCESSABLE_ENTITY, page::wrong_number(view.language, wrong).to_owned(), None)
        }
        Refused::Limited(wait) => {
            (StatusCode::TOO_MANY_REQUESTS, page::limited(view.language, wait), Some(wait))
        }
    };
    // What a person typed may hold anything, also what marks the places in a drawn page.
    let form = page::Form { phone: typed.replace(char::is_control, ""), error };
    let page = page::landing(&view, &form).map_err(|_| unshowable())?;
    let stamp = visit::stamp(&ctx, &key.code, &to.link.id, "");
    let visit = visit::token(&stamp, &fresh.visit_id);
    let page = page.replace(NONCE, &fresh.nonce).replace(VISIT, &visit);
    let mut response = html::page(app, status, &fresh.nonce, Does::Both, Ok(page))?;
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, wait.seconds.into());
    }
    Ok(response)
}

/// Another site's form cannot have texts sent: browsers say where a form comes from. What does not say it is
/// no browser that could be made to.
fn is_same_site(app: &App, request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    match (header("sec-fetch-site"), header("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        // A page without referrer sends `null`.
        (None, Some(origin)) => {
            let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
            origin == "null" || origin == app.config.public_url || origin.ends_with(&format!("//{host}"))
        }
        (None, None) => true,
    }
}
