//! The list of patients to verify, those waiting longest first.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;

use super::card::Row;
use super::list::{MOST_WAITING, waiting_word};
use super::live;
use super::panel::{Line, best};
use crate::domain::desk::{Refusal, identity};
use crate::domain::identity::grading::Finding;
use crate::domain::identity::grading::matching::Grade;
use crate::domain::inbox::Card;
use crate::domain::proof_pack::words as proof;
use crate::kit::Timestamp;
use crate::platform::tx::Service;
use crate::web::console::layout::{Frame, Section, Session};
use crate::web::console::viewer::who;
use crate::web::http::{Page, PageQuery, Problem};
use crate::web::practice_api::identity::{cursor, written};

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
        let grade = finding.map_or(Grade::None, |finding| finding.verdict.grade);
        Self {
            row: Row::of(f, now, card),
            grade: proof::grade(&proof::of(f.language), grade),
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
pub async fn list(
    service: Data<Service>,
    session: Session,
    page: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (after, token) = (cursor(&page.after()?)?, session.token());
    let found = service.read(move |tx| -> Result<_, Refusal> {
        let token = token.as_ref();
        let found = identity::waiting_in_full(tx, token, after.as_ref(), LIMIT + 1)?;
        let waiting = identity::how_many_wait(tx, token, MOST_WAITING)?;
        Ok((who(tx, token)?, found, waiting))
    });
    let (who, found, waiting) = found.await?;
    let (f, now) = (session.frame(&service, who, Section::Inbox), service.now());
    let Page { items, next_cursor: next } = Page::of(found, LIMIT, |(card, _)| written(&card.waiting()));
    let tasks = items.into_iter().map(|(card, finding)| Task::of(&f, now, card, finding.as_ref())).collect();
    let advice = crate::domain::identity::grading::advice(f.language);
    let page = Work { f: &f, script: live::address(), advice, tasks, next, waiting: waiting_word(waiting) };
    f.live_page(&service, StatusCode::OK, page.render())
}
