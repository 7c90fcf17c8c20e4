//! The print kit of a link: poster, cards, table tent and QR code.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::layout::{Frame, Session};
use super::links::{LinkView, find};
use crate::domain::printing::RenderPool;
use crate::kit::LinkId;
use crate::platform::Service;
use crate::web::http::{Code, PathId, Problem};
use crate::web::practice_api::print_kit::{Piece, PrintQuery, print};

/// A sheet of the kit, as the page offers it.
struct Sheet {
    file: &'static str,
    name: &'static str,
    about: &'static str,
}

#[derive(Template)]
#[template(path = "web/console/pages/print.html")]
struct PrintPage<'a> {
    f: &'a Frame,
    link: LinkView,
    tab: &'static str,
    sheets: [Sheet; 3],
}

/// `GET /console/links/{id}/print`: the downloads of a link.
pub(super) async fn kit(
    service: Data<Service>,
    session: Session,
    id: PathId<LinkId>,
) -> Result<HttpResponse, Problem> {
    let (f, link) = find(&service, &session, &id).await?;
    let sheets = sheets(&f);
    f.page(&service, PrintPage { f: &f, link, tab: "print", sheets }.render())
}

fn sheets(f: &Frame) -> [Sheet; 3] {
    [
        Sheet {
            file: "poster.pdf",
            name: f.text("links-poster"),
            about: f.text("links-for-the-wall-of-the-waiting"),
        },
        Sheet {
            file: "cards.pdf",
            name: f.text("links-cards"),
            about: f.text("links-to-hand-out-four-per-sheet"),
        },
        Sheet {
            file: "tent.pdf",
            name: f.text("links-table-tent"),
            about: f.text("links-for-the-counter-fold-it-once"),
        },
    ]
}

/// `GET /console/links/{id}/print/{file}`: one file of the kit.
pub(super) async fn piece(
    service: Data<Service>,
    pool: Data<RenderPool>,
    session: Session,
    id: PathId<LinkId>,
    request: HttpRequest,
    query: Query<PrintQuery>,
) -> Result<HttpResponse, Problem> {
    let piece = request.match_info().get("file").and_then(Piece::from_file);
    let piece = piece.ok_or_else(|| Problem::new(Code::NotFound, "Check the address."))?;
    print(&service, &pool, &session, id, query.into_inner(), piece).await
}
