//! The visitors of a link: the funnel as a chart and as tables.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use super::chart::{self, Bar, Day};
use super::errors::Errors;
use super::layout::{Frame, Session};
use super::links::{LinkView, find};
use crate::domain::link_analytics::Report;
use crate::domain::links;
use crate::domain::staff::Permission;
use crate::kit::LinkId;
use crate::platform::Service;
use crate::web::http::{Code, PathId, Problem};

/// The chosen days and channel. An empty field means no restriction.
#[derive(Clone, Default, Deserialize)]
pub(super) struct VisitorsQuery {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    channel: String,
}

impl VisitorsQuery {
    fn days(&self) -> (Option<&str>, Option<&str>) {
        (given(&self.from), given(&self.to))
    }

    fn channel(&self) -> Option<&str> {
        given(&self.channel)
    }
}

fn given(field: &str) -> Option<&str> {
    Some(field).filter(|text| !text.is_empty() && !text.contains('\0'))
}

#[derive(Template)]
#[template(path = "web/console/pages/visitors.html")]
struct VisitorsPage<'a> {
    f: &'a Frame,
    link: LinkView,
    tab: &'static str,
    query: &'a VisitorsQuery,
    errors: Errors,
    report: Option<&'a Report>,
    steps: Vec<(&'static str, Bar)>,
    days: Vec<Day>,
    most: i64,
}

/// `GET /console/links/{id}/visitors`: the funnel of one link.
pub(super) async fn visitors(
    service: Data<Service>,
    session: Session,
    id: PathId<LinkId>,
    query: Query<VisitorsQuery>,
) -> Result<HttpResponse, Problem> {
    let (f, link) = find(&service, &session, &id).await?;
    let wanted = query.clone();
    let report = service.read_as_staff(&session, Permission::ViewPractice, move |tx, staff| {
        links::funnel(tx, staff, &id.0, wanted.days(), wanted.channel())
    });
    match report.await {
        Ok(report) => {
            let (from, to, channel) = (report.from.clone(), report.to.clone(), query.channel.clone());
            let query = VisitorsQuery { from, to, channel };
            f.page(&service, page(&f, link, &query, Some(&report)).render())
        }
        Err(problem) if problem.code == Code::InvalidRequest => {
            let errors = Errors::of(f.language, &problem);
            let page = VisitorsPage { errors, ..page(&f, link, &query, None) };
            f.page_with(&service, StatusCode::UNPROCESSABLE_ENTITY, page.render())
        }
        Err(problem) => Err(problem),
    }
}

fn page<'a>(
    f: &'a Frame,
    link: LinkView,
    query: &'a VisitorsQuery,
    report: Option<&'a Report>,
) -> VisitorsPage<'a> {
    let (days, most) = report.map(chart::days).unwrap_or_default();
    let steps = report.map(|report| steps(f, report)).unwrap_or_default();
    VisitorsPage { f, link, tab: "visitors", query, errors: Errors::default(), report, steps, days, most }
}

fn steps(f: &Frame, report: &Report) -> Vec<(&'static str, Bar)> {
    let names = [
        f.text("visitors-saw-the-page"),
        f.text("visitors-got-a-code-by-text"),
        f.text("visitors-verified-their-number"),
        f.text("visitors-connected"),
    ];
    names.into_iter().zip(chart::steps(&report.totals)).collect()
}
