//! The list of patients to verify, those waiting longest first.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;

use super::card::Row;
use super::list::{MOST_WAITING, format_waiting};
use super::live;
use super::panel::{Line, best};
use crate::domain::identity::check;
use crate::domain::identity::grading::matching::Grade;
use crate::domain::identity::grading::{self, Finding};
use crate::domain::inbox::Card;
use crate::domain::proof_pack::labels as proof;
use crate::domain::staff::{Permission, Staff};
use crate::kit::Timestamp;
use crate::platform::{Service, Tx};
use crate::web::console::layout::{Frame, Section, Session};
use crate::web::console::viewer::Viewer;
use crate::web::http::{Page, PageQuery, Problem};
use crate::web::practice_api::identity::{format_cursor, parse_cursor};

/// Every patient is compared with the records again, so a page has fewer rows than other lists.
const LIMIT: i64 = 20;

/// A patient to verify.
struct Task {
    row: Row,
    grade: &'static str,
    /// The best matching record, field by field.
    lines: Vec<Line>,
    others: usize,
    /// Phone number to call, if exactly one record may be the patient's.
    call: Option<String>,
}

impl Task {
    fn of(f: &Frame, now: Timestamp, card: Card, finding: Option<&Finding>) -> Self {
        let records = finding.map(|finding| finding.records.as_slice()).unwrap_or_default();
        let grade = finding.map_or(Grade::None, |finding| finding.matched.grade);
        Self {
            row: Row::of(f, now, card),
            grade: proof::grade(f.language, grade),
            lines: finding.map(|finding| best(f, finding)).unwrap_or_default(),
            others: records.len().saturating_sub(1),
            call: if let [only] = records { only.phone.clone() } else { None },
        }
    }
}

#[derive(Template)]
#[template(path = "web/console/pages/identity.html")]
struct Work<'a> {
    f: &'a Frame,
    script: String,
    advice: &'static str,
    tasks: Vec<Task>,
    next: Option<String>,
    waiting: String,
}

/// `GET /console/identity`: the patients to verify.
pub(super) async fn list(
    service: Data<Service>,
    session: Session,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let after = parse_cursor(&page.after()?)?;
    let rule = move |tx: &mut Tx<'_>, staff: &Staff| -> Result<_, Problem> {
        let found = check::list_waiting_compared(tx, staff, after.as_ref(), LIMIT + 1)?;
        let waiting = check::count_waiting(tx, staff, MOST_WAITING)?;
        Ok((Viewer::of(tx, staff)?, found, waiting))
    };
    let (who, found, waiting) = service.read_as_staff(&session, Permission::ReadPatients, rule).await?;
    let (f, now) = (session.frame(&service, who, Section::Inbox), service.now());
    let Page { items, next_cursor: next } =
        Page::of(found, LIMIT, |(card, _)| format_cursor(&card.work_list_cursor()));
    let tasks = items.into_iter().map(|(card, finding)| Task::of(&f, now, card, finding.as_ref())).collect();
    let advice = grading::advice(f.language);
    let page = Work { f: &f, script: live::address(), advice, tasks, next, waiting: format_waiting(waiting) };
    f.live_page(&service, StatusCode::OK, page.render())
}
