//! The layout around every page, and the check that a form was sent from one of our pages (CSRF).

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT_LANGUAGE;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use strum::VariantArray as _;

use super::session;
use super::viewer::Viewer;
use super::{cookie, done, labels, style};
use crate::domain::staff::{Permission, Role};
use crate::kit::{Language, Secret, Timestamp};
use crate::platform::Service;
use crate::web::http::form::MOST_BYTES;
use crate::web::http::html::{self, PagePolicy};
use crate::web::http::query::parameter;
use crate::web::http::{Caller, Code, Form, Problem, Upload, is_same_site};

/// The section of the console that a page belongs to, as marked in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Section {
    Inbox,
    Links,
    Invites,
    Records,
    Settings,
}

impl Section {
    /// The last segment of the section's path.
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A request with a session cookie. Its secret is verified by the domain rules, not here.
pub(super) struct Session {
    pub secret: Secret,
    preferred_language: Option<Language>,
    done: String,
}

impl Session {
    fn of_request(request: &HttpRequest) -> Result<Self, Problem> {
        let service = request.app_data::<Data<Service>>();
        let secret = service.and_then(|service| cookie::secret_of(service, request));
        let secret = secret.ok_or_else(|| Problem::new(Code::Unauthorized, "Sign in first."))?;
        let done = parameter(request.query_string(), "done").unwrap_or_default().into_owned();
        Ok(Self { secret, preferred_language: preferred_language(request), done })
    }

    /// The layout data of a page in this section.
    pub(super) fn frame(&self, service: &Service, who: Viewer, section: Section) -> Frame {
        let language = self.preferred_language.unwrap_or(who.practice.language);
        Frame {
            nonce: html::nonce(service),
            language,
            style: style::address(),
            form_token: session::form_token(service, &self.secret),
            done: done::text(&self.done, language),
            section: section.as_str(),
            who,
        }
    }
}

impl Caller for Session {
    fn token(&self) -> Option<&Secret> {
        Some(&self.secret)
    }
}

/// The language that the browser prefers (`Accept-Language`).
pub(super) fn preferred_language(request: &HttpRequest) -> Option<Language> {
    let header = request.headers().get(ACCEPT_LANGUAGE)?;
    Language::negotiate(header.to_str().ok()?)
}

impl FromRequest for Session {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of_request(request))
    }
}

/// A form sent from one of our pages, in the same session that the page was shown in.
pub(super) struct SessionForm<const MOST: usize = { MOST_BYTES }> {
    pub session: Session,
    pub form: Form<MOST>,
}

impl<const MOST: usize> FromRequest for SessionForm<MOST> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, form) = (request.clone(), Form::<MOST>::from_request(request, payload));
        Box::pin(async move {
            let session = Session::of_request(&request)?;
            let sent = Self { form: form.await?, session };
            let service = request.app_data::<Data<Service>>();
            match service
                .is_some_and(|service| is_same_site(service, &request) && sent.carries_its_token(service))
            {
                true => Ok(sent),
                false => Err(stale_form()),
            }
        })
    }
}

impl<const MOST: usize> SessionForm<MOST> {
    fn carries_its_token(&self, service: &Service) -> bool {
        session::is_form_token(service, &self.session.secret, &self.form.field("form_token"))
    }
}

/// A form with a file upload of at most `MOST` bytes.
pub(super) struct SessionUpload<const MOST: usize> {
    pub session: Session,
    /// The fields and the file.
    pub upload: Upload<MOST>,
}

impl<const MOST: usize> FromRequest for SessionUpload<MOST> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, upload) = (request.clone(), Upload::from_request(request, payload));
        Box::pin(async move {
            let session = Session::of_request(&request)?;
            let sent = Self { upload: upload.await?, session };
            let service = request.app_data::<Data<Service>>();
            let token = sent.upload.field("form_token");
            let is_ours = |service: &Service| session::is_form_token(service, &sent.session.secret, &token);
            match service.is_some_and(|service| is_same_site(service, &request) && is_ours(service)) {
                true => Ok(sent),
                false => Err(stale_form()),
            }
        })
    }
}

/// The refusal of a form that is not ours, or whose session has ended.
pub(super) fn stale_form() -> Problem {
    Problem::new(Code::SignatureInvalid, "Load the page again and send the form from there.")
}

/// The data that every page is rendered with.
pub(super) struct Frame {
    /// CSP nonce of styles and scripts.
    pub nonce: String,
    pub language: Language,
    /// URL of the stylesheet.
    pub style: String,
    /// CSRF token for the page's forms.
    pub form_token: String,
    /// Confirmation of what was just done; empty if nothing was.
    pub done: &'static str,
    pub section: &'static str,
    /// The signed-in staff member.
    pub who: Viewer,
}

impl Frame {
    /// A text in the page's language.
    pub(super) fn text(&self, message: &'static str) -> &'static str {
        self.language.text(message)
    }

    /// All languages, for forms that offer them.
    #[expect(clippy::unused_self, reason = "templates call it on the frame")]
    pub(super) fn languages(&self) -> &'static [Language] {
        Language::VARIANTS
    }

    /// Whether the role may create and change links.
    pub(super) fn may_configure(&self) -> bool {
        self.who.role.has(Permission::ConfigurePractice)
    }

    /// Whether the role may see patients: the operator's support staff may not.
    pub(super) fn may_read_patients(&self) -> bool {
        self.who.role.has(Permission::ReadPatients)
    }

    /// Gates what only admins may do: webhooks, imports, audit export, changing staff.
    pub(super) fn is_admin(&self) -> bool {
        self.who.role.has(Permission::Administer)
    }

    /// The role's display name.
    pub(super) fn role(&self) -> &'static str {
        match self.who.role {
            Role::Admin => self.text("console-admin"),
            Role::Member => self.text("console-member"),
            Role::Support => self.text("console-role-support"),
        }
    }

    /// A point in time in the practice's own time zone.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
    pub(super) fn time(&self, at: &Timestamp) -> String {
        labels::time(self.language, *at, &self.who.practice.time_zone)
    }

    /// The rendered page with status 200.
    pub(super) fn page(
        &self,
        service: &Service,
        body: askama::Result<String>,
    ) -> Result<HttpResponse, Problem> {
        self.page_with(service, StatusCode::OK, body)
    }

    /// The rendered page with a status other than 200.
    pub(super) fn page_with(
        &self,
        service: &Service,
        status: StatusCode,
        body: askama::Result<String>,
    ) -> Result<HttpResponse, Problem> {
        html::page(service, status, &self.nonce, PagePolicy::Form, body)
    }

    /// A page that a script keeps up to date by the event stream.
    pub(super) fn live_page(
        &self,
        service: &Service,
        status: StatusCode,
        body: askama::Result<String>,
    ) -> Result<HttpResponse, Problem> {
        html::page(service, status, &self.nonce, PagePolicy::Both, body)
    }
}
