//! What all pages have around them, and who may send their forms.

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT_LANGUAGE;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};

use super::super::{Who, session};
use super::{cookie, style, words};
use crate::app::App;
use crate::http::form::MOST_BYTES;
use crate::http::html::{self, Does};
use crate::http::{Code, Form, Problem, Upload, is_same_site};
use crate::kit::{Language, Secret};
use crate::staff::Role;

/// Where in the console a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Conversations.
    Inbox,
    /// Links.
    Links,
    /// Invites.
    Invites,
    /// Records.
    Records,
    /// Settings.
    Settings,
}

impl Section {
    /// The last segment of its address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Links => "links",
            Self::Invites => "invites",
            Self::Records => "records",
            Self::Settings => "settings",
        }
    }
}

/// A request with a cookie of ours. Whether its secret is good is the rules' to say.
pub struct Session {
    /// What the cookie holds.
    pub secret: Secret,
    wish: Option<Language>,
    done: String,
}

impl Session {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let app = request.app_data::<Data<App>>();
        let secret = app.and_then(|app| cookie::read(app, request));
        let secret = secret.ok_or_else(|| Problem::new(Code::Unauthorized, "Sign in first."))?;
        let mut query = request.query_string().split('&');
        let done = query.find_map(|pair| pair.strip_prefix("done=")).unwrap_or_default();
        Ok(Self { secret, wish: wish(request), done: done.to_owned() })
    }

    /// What the rules take where the API passes the bearer token.
    pub fn token(&self) -> Option<Secret> {
        Some(self.secret.clone())
    }

    /// The frame of a page.
    pub fn frame(&self, app: &App, who: Who, section: Section) -> Frame {
        let language = self.wish.unwrap_or(who.practice.language());
        Frame {
            nonce: html::nonce(app),
            language,
            style: style::address(),
            form_token: session::form_token(&app.ctx(), &self.secret),
            done: words::done(&self.done, language),
            section: section.as_str(),
            who,
        }
    }
}

/// What the browser asks for.
pub fn wish(request: &HttpRequest) -> Option<Language> {
    let header = request.headers().get(ACCEPT_LANGUAGE)?;
    Language::negotiate(header.to_str().ok()?)
}

impl FromRequest for Session {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}

/// A form of one of our pages, sent from it within the session that it was shown in.
pub struct Sent<const MOST: usize = { MOST_BYTES }> {
    /// Whose.
    pub session: Session,
    /// What was typed.
    pub form: Form<MOST>,
}

impl<const MOST: usize> FromRequest for Sent<MOST> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, form) = (request.clone(), Form::<MOST>::from_request(request, payload));
        Box::pin(async move {
            let session = Session::read(&request)?;
            let sent = Self { form: form.await?, session };
            let app = request.app_data::<Data<App>>();
            match app.is_some_and(|app| is_same_site(app, &request) && sent.carries_its_token(app)) {
                true => Ok(sent),
                false => Err(stale()),
            }
        })
    }
}

impl<const MOST: usize> Sent<MOST> {
    fn carries_its_token(&self, app: &App) -> bool {
        session::is_form_token(&app.ctx(), &self.session.secret, &self.form.field("form_token"))
    }
}

/// The same with a file in it, of at most `MOST` bytes.
pub struct SentFile<const MOST: usize> {
    /// Whose.
    pub session: Session,
    /// What was chosen.
    pub upload: Upload<MOST>,
}

impl<const MOST: usize> FromRequest for SentFile<MOST> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, upload) = (request.clone(), Upload::from_request(request, payload));
        Box::pin(async move {
            let session = Session::read(&request)?;
            let sent = Self { upload: upload.await?, session };
            let app = request.app_data::<Data<App>>();
            let token = sent.upload.field("form_token");
            let is_ours = |app: &App| session::is_form_token(&app.ctx(), &sent.session.secret, &token);
            match app.is_some_and(|app| is_same_site(app, &request) && is_ours(app)) {
                true => Ok(sent),
                false => Err(stale()),
            }
        })
    }
}

/// A form that is none of ours, or of a session that ended.
pub fn stale() -> Problem {
    Problem::new(Code::SignatureInvalid, "Load the page again and send the form from there.")
}

/// What every page is drawn with.
pub struct Frame {
    /// For its style.
    pub nonce: String,
    /// Its language.
    pub language: Language,
    /// Where the stylesheet is.
    pub style: String,
    /// What its forms carry.
    pub form_token: String,
    /// What was just done, in a sentence; empty where nothing was.
    pub done: &'static str,
    /// Where it stands.
    pub section: &'static str,
    /// Who looks.
    pub who: Who,
}

impl Frame {
    /// `en` or `es`, whichever the page speaks.
    pub fn say<'a>(&self, en: &'a str, es: &'a str) -> &'a str {
        words::say(self.language, en, es)
    }

    /// The page's language as HTML names it.
    pub fn lang(&self) -> &'static str {
        self.language.as_str()
    }

    /// Whether links may be made and changed.
    pub fn configures(&self) -> bool {
        self.who.role.configures()
    }

    /// Whether patients are met: the operator's support meets none.
    pub fn meets_patients(&self) -> bool {
        self.who.role.meets_patients()
    }

    /// Whether webhooks may be seen.
    pub fn is_admin(&self) -> bool {
        self.who.role == Role::Admin
    }

    /// What the role is called.
    pub fn role(&self) -> &'static str {
        match self.who.role {
            Role::Admin => self.say("Admin", "Administración"),
            Role::Member => self.say("Member", "Equipo"),
            Role::Support => self.say("Support", "Soporte"),
        }
    }

    /// A point in time in the practice's own zone.
    pub fn time(&self, at: &crate::kit::Timestamp) -> String {
        words::time(self.language, *at, &self.who.practice.time_zone)
    }

    /// The page.
    pub fn page(&self, app: &App, body: askama::Result<String>) -> Result<HttpResponse, Problem> {
        self.page_with(app, StatusCode::OK, body)
    }

    /// The page, with another status than 200.
    pub fn page_with(
        &self,
        app: &App,
        status: StatusCode,
        body: askama::Result<String>,
    ) -> Result<HttpResponse, Problem> {
        html::page(app, status, &self.nonce, Does::Form, body)
    }

    /// A page that keeps itself as things stand, by a script of ours.
    pub fn live_page(
        &self,
        app: &App,
        status: StatusCode,
        body: askama::Result<String>,
    ) -> Result<HttpResponse, Problem> {
        html::page(app, status, &self.nonce, Does::Both, body)
    }
}
