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
            name: f.say("Poster", "Cartel"),
            about: f.say("For the wall of the waiting room.", "Para la pared de la sala de espera."),
        },
        Sheet {
            file: "cards.pdf",
            name: f.say("Cards", "Tarjetas"),
            about: f.say(
                "To hand out: four per sheet, to cut apart.",
                "Para entregar: cuatro por hoja, para recortar.",
            ),
        },
        Sheet {
            file: "tent.pdf",
            name: f.say("Table tent", "Cartel de mesa"),
            about: f.say("For the counter: fold it once.", "Para el mostrador: se dobla una vez."),
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
