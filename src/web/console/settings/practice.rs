//! The practice's profile: name, logo, color, languages and countries.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::{labels, verdict};
use crate::domain::practices::{self, Change, Practice};
use crate::domain::printing::RenderPool;
use crate::domain::printing::logo::MOST_BYTES;
use crate::domain::staff::Permission;
use crate::platform::Service;
use crate::web::console::errors::Errors;
use crate::web::console::inbox::frame;
use crate::web::console::layout::{Frame, Section, Session, SessionForm, SessionUpload};
use crate::web::console::link_form::Choice;
use crate::web::console::on;
use crate::web::http::{Code, FieldError, Form, Problem};
use crate::web::practice_api::profile::{encode_logo, find_logo, store_logo};

const PRACTICE: &str = "/console/settings/practice";
/// Suggestions only; any zone of the IANA time zone database is accepted.
const ZONES: [&str; 12] = [
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Puerto_Rico",
    "America/Toronto",
    "America/Winnipeg",
    "America/Edmonton",
    "America/Vancouver",
];

/// The form's values as they were entered.
struct FormValues {
    name: String,
    city: String,
    language: String,
    time_zone: String,
    accent: String,
    countries: Vec<String>,
    notice_email: String,
}

impl FormValues {
    fn of_form(form: &Form) -> Self {
        Self {
            name: form.field("name"),
            city: form.field("city"),
            language: form.field("language"),
            time_zone: form.field("time_zone"),
            accent: form.field("accent"),
            countries: form.fields("countries"),
            notice_email: form.field("notice_email"),
        }
    }

    fn of_practice(practice: &Practice) -> Self {
        Self {
            name: practice.name.clone(),
            city: practice.city.clone(),
            language: practice.language.as_str().to_owned(),
            time_zone: practice.time_zone.clone(),
            accent: practice.accent().map(|accent| accent.to_string()).unwrap_or_default(),
            countries: practice.countries().unwrap_or_default(),
            notice_email: practice.notice_email.clone().unwrap_or_default(),
        }
    }

    /// An empty optional field removes the value.
    fn change(&self) -> Change {
        let optional = |text: &str| Some(Some(text.trim().to_owned()).filter(|text| !text.is_empty()));
        Change {
            name: Some(self.name.clone()),
            city: Some(self.city.clone()),
            language: Some(self.language.clone()),
            time_zone: Some(self.time_zone.trim().to_owned()),
            accent: optional(&self.accent),
            countries: Some(Some(self.countries.clone()).filter(|list| !list.is_empty())),
            notice_email: optional(&self.notice_email),
        }
    }
}

#[derive(Template)]
#[template(path = "web/console/pages/settings/practice.html")]
struct Page<'a> {
    f: &'a Frame,
    values: &'a FormValues,
    countries: Vec<Choice>,
    zones: [&'static str; 12],
    errors: Errors,
}

impl Page<'_> {
    /// The stored color: what was entered may not be a valid one.
    fn swatch(&self) -> String {
        self.f.who.practice.accent().map(|accent| accent.to_string()).unwrap_or_default()
    }

    fn chosen_countries(&self) -> String {
        let chosen = self.countries.iter().filter(|country| country.is_chosen);
        chosen.map(|country| country.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// `GET /console/settings/practice`: the profile, as a form for admins.
pub(super) async fn show(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    page(&service, &session, None, None).await
}

async fn page(
    service: &Data<Service>,
    session: &Session,
    values: Option<FormValues>,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let f = frame(service, session, Section::Settings).await?;
    let values = values.unwrap_or_else(|| FormValues::of_practice(&f.who.practice));
    let country = |code: &String| Choice {
        is_chosen: values.countries.contains(code),
        name: labels::country(f.language, code),
        value: code.clone(),
    };
    let countries = service.settings.verification.countries.iter().map(country).collect();
    let (status, errors) = verdict(&f, problem.as_ref());
    f.page_with(service, status, Page { f: &f, values: &values, countries, zones: ZONES, errors }.render())
}

/// `POST /console/settings/practice`: changes the profile.
pub(super) async fn change(
    service: Data<Service>,
    SessionForm { session, form }: SessionForm,
) -> Result<HttpResponse, Problem> {
    let values = FormValues::of_form(&form);
    let change = values.change();
    let changed = service.write_as_staff(&session, Permission::ConfigurePractice, move |tx, staff| {
        practices::change(tx, &staff.staff_id, &staff.practice_id, &change)
    });
    match changed.await {
        Ok(_) => Ok(on(&format!("{PRACTICE}?done=practice"))),
        Err(problem) if problem.code == Code::InvalidRequest => {
            page(&service, &session, Some(values), Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /console/settings/practice/logo.png`: the current logo.
pub(super) async fn logo(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    let png = find_logo(&service, &session).await?;
    Ok(HttpResponse::Ok().content_type("image/png").insert_header(("cache-control", "no-store")).body(png))
}

/// `POST /console/settings/practice/logo`: replaces the logo.
pub(super) async fn set_logo(
    service: Data<Service>,
    pool: Data<RenderPool>,
    session: Session,
    sent: Result<SessionUpload<MOST_BYTES>, Problem>,
) -> Result<HttpResponse, Problem> {
    let sent = match sent {
        // A form that is too large was not read, so nothing changes: the page is shown again.
        Err(problem) if problem.code == Code::BodyTooLarge => {
            return page(&service, &session, None, Some(too_heavy())).await;
        }
        sent => sent?,
    };
    let file = sent.upload.file("logo").unwrap_or_default().to_vec();
    let stored = match encode_logo(&pool, file).await {
        Ok(png) => store_logo(&service, &sent.session, Some(png)).await,
        Err(bad) => Err(beside_the_file(bad)),
    };
    match stored {
        Ok(()) => Ok(on(&format!("{PRACTICE}?done=logo"))),
        Err(problem) if problem.code == Code::InvalidRequest => {
            page(&service, &sent.session, None, Some(problem)).await
        }
        Err(problem) => Err(problem),
    }
}

fn too_heavy() -> Problem {
    let (pointer, code) = ("/logo".to_owned(), "too_heavy".to_owned());
    Problem::fields(vec![FieldError { pointer, code, detail: "A logo can be at most 64 KB.".to_owned() }])
}

/// The API takes the file as the whole body, so its errors have no field to point at.
fn beside_the_file(bad: Problem) -> Problem {
    let errors = bad.errors().iter().map(|error| FieldError { pointer: "/logo".to_owned(), ..error.clone() });
    match bad.code {
        Code::InvalidRequest => Problem::fields(errors.collect()),
        _ => bad,
    }
}

/// `POST /console/settings/practice/logo/remove`: removes the logo.
pub(super) async fn remove_logo(service: Data<Service>, sent: SessionForm) -> Result<HttpResponse, Problem> {
    match store_logo(&service, &sent.session, None).await {
        // Sent twice, the second form finds no logo: the wanted result is already there.
        Err(problem) if problem.code != Code::NotFound => Err(problem),
        _ => Ok(on(&format!("{PRACTICE}?done=no-logo"))),
    }
}
