//! Visitors of a link: the funnel as a chart and as tables.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use super::chart::{self, Bar, Day};
use super::layout::{Frame, Session};
use super::links::{Shown, find};
use super::words::Errors;
use crate::domain::desk;
use crate::domain::link_analytics::Report;
use crate::kit::ids::LinkId;
use crate::platform::tx::Service;
use crate::web::http::{Code, PathId, Problem};

/// The chosen days and channel. An empty field means no restriction.
#[derive(Clone, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    channel: String,
}

impl Asked {
    fn part(field: &str) -> Option<&str> {
        Some(field).filter(|text| !text.is_empty() && !text.contains('\0'))
    }
}

#[derive(Template)]
#[template(path = "web/console/pages/visitors.html")]
struct Visitors<'a> {
    f: &'a Frame,
    link: Shown,
    tab: &'static str,
    asked: &'a Asked,
    errors: Errors,
    report: Option<&'a Report>,
    steps: Vec<(&'static str, Bar)>,
    days: Vec<Day>,
    most: i64,
}

/// `GET /console/links/{id}/visitors`: the funnel of one link.
pub async fn visitors(
    service: Data<Service>,
    session: Session,
    id: PathId<LinkId>,
    asked: Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let (f, link) = find(&service, &session, &id).await?;
    let (token, wanted) = (session.token(), asked.clone());
    let report = service.read(move |tx| {
        let days = (Asked::part(&wanted.from), Asked::part(&wanted.to));
        desk::funnel(tx, token.as_ref(), &id.0, days, Asked::part(&wanted.channel))
    });
    match report.await.map_err(Problem::from) {
        Ok(report) => {
            let asked =
                Asked { from: report.from.clone(), to: report.to.clone(), channel: asked.channel.clone() };
            f.page(&service, drawn(&f, link, &asked, Some(&report)).render())
        }
        Err(problem) if problem.code == Code::InvalidRequest => {
            let errors = Errors::of(f.language, &problem);
            let page = Visitors { errors, ..drawn(&f, link, &asked, None) };
            f.page_with(&service, StatusCode::UNPROCESSABLE_ENTITY, page.render())
        }
        Err(problem) => Err(problem),
    }
}

fn drawn<'a>(f: &'a Frame, link: Shown, asked: &'a Asked, report: Option<&'a Report>) -> Visitors<'a> {
    let (days, most) = report.map(chart::days).unwrap_or_default();
    let steps = report.map(|report| steps(f, report)).unwrap_or_default();
    Visitors { f, link, tab: "visitors", asked, errors: Errors::default(), report, steps, days, most }
}

fn steps(f: &Frame, report: &Report) -> Vec<(&'static str, Bar)> {
    let names = [
        f.say("Saw the page", "Vieron la página"),
        f.say("Got a code by text", "Recibieron un código"),
        f.say("Verified their number", "Confirmaron su número"),
        f.say("Connected", "Se conectaron"),
    ];
    names.into_iter().zip(chart::steps(&report.totals)).collect()
}
