//! HTTP handlers of the print kit: QR code, poster, cards and table tent of a link.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Data, Query};
use actix_web::{HttpResponse, get};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::links;
use crate::domain::printing::{self, Paper, RenderPool, Sheet};
use crate::domain::staff::Permission;
use crate::kit::{Language, LinkId};
use crate::platform::Service;
use crate::problems;
use crate::web::http::{Caller, Code, PathId, Problem, RequestContext};

impl From<printing::Error> for Problem {
    fn from(why: printing::Error) -> Self {
        match why {
            printing::Error::Busy => {
                Self::new(Code::Unavailable, "The service is busy. Try again in a moment.")
            }
            _ => Self::new(Code::Internal, "This link cannot be printed."),
        }
    }
}

/// The paper size to print on.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PaperSize {
    /// US Letter, 8.5 × 11 inches.
    #[default]
    Letter,
    /// ISO A4, 210 × 297 mm.
    A4,
}

impl From<PaperSize> for Paper {
    fn from(size: PaperSize) -> Self {
        match size {
            PaperSize::Letter => Self::Letter,
            PaperSize::A4 => Self::A4,
        }
    }
}

/// Options of a printed sheet.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PrintQuery {
    /// The paper size; by default Letter.
    #[serde(default)]
    #[param(inline, example = "letter")]
    paper: PaperSize,
    /// The language; by default the practice's language.
    #[param(inline, example = "en")]
    language: Option<Language>,
}

impl PrintQuery {
    pub(super) fn paper(&self) -> Paper {
        self.paper.into()
    }

    /// The requested language; `None` means the practice's own.
    pub(super) fn language(&self) -> Option<Language> {
        self.language
    }
}

/// An item of the print kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    QrSvg,
    QrPng,
    Poster,
    Cards,
    Tent,
}

impl Piece {
    /// Finds the item by its file name, such as `poster.pdf`.
    pub(crate) fn from_file(file: &str) -> Option<Self> {
        let all = [Self::QrSvg, Self::QrPng, Self::Poster, Self::Cards, Self::Tent];
        all.into_iter().find(|piece| {
            let (_, name, end) = piece.parts();
            file.split_once('.') == Some((name, end))
        })
    }

    /// Media type, base name and extension of the file.
    fn parts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::QrSvg => ("image/svg+xml", "qr", "svg"),
            Self::QrPng => ("image/png", "qr", "png"),
            Self::Poster => ("application/pdf", "poster", "pdf"),
            Self::Cards => ("application/pdf", "cards", "pdf"),
            Self::Tent => ("application/pdf", "tent", "pdf"),
        }
    }

    fn draw(self, sheet: &Sheet<'_>, paper: Paper) -> Result<Vec<u8>, printing::Error> {
        match self {
            Self::QrSvg => printing::qr_svg(sheet).map(String::into_bytes),
            Self::QrPng => printing::qr_png(sheet),
            Self::Poster => printing::poster(sheet, paper),
            Self::Cards => printing::cards(sheet, paper),
            Self::Tent => printing::table_tent(sheet, paper),
        }
    }
}

problems!(PrintProblems: plain, Unauthorized, LinkNotFound, InvalidRequest);

/// Get a link's QR code as SVG
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<LinkId>),
    responses(
        (status = 200, description = "SVG", content_type = "image/svg+xml", body = String),
        PrintProblems,
    ),
)]
#[get("/v1/practice/links/{id}/qr.svg")]
pub(crate) async fn get_link_qr_svg(
    service: Data<Service>,
    pool: Data<RenderPool>,
    call: RequestContext,
    id: PathId<LinkId>,
) -> Result<HttpResponse, Problem> {
    print(&service, &pool, &call, id, PrintQuery::default(), Piece::QrSvg).await
}

/// Get a link's QR code as PNG
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<LinkId>),
    responses((status = 200, description = "PNG", content_type = "image/png", body = Vec<u8>), PrintProblems),
)]
#[get("/v1/practice/links/{id}/qr.png")]
pub(crate) async fn get_link_qr_png(
    service: Data<Service>,
    pool: Data<RenderPool>,
    call: RequestContext,
    id: PathId<LinkId>,
) -> Result<HttpResponse, Problem> {
    print(&service, &pool, &call, id, PrintQuery::default(), Piece::QrPng).await
}

/// Get a link's wall poster as PDF
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<LinkId>, PrintQuery),
    responses(
        (status = 200, description = "PDF", content_type = "application/pdf", body = Vec<u8>),
        PrintProblems,
    ),
)]
#[get("/v1/practice/links/{id}/poster.pdf")]
pub(crate) async fn get_link_poster(
    service: Data<Service>,
    pool: Data<RenderPool>,
    call: RequestContext,
    id: PathId<LinkId>,
    query: Query<PrintQuery>,
) -> Result<HttpResponse, Problem> {
    print(&service, &pool, &call, id, query.into_inner(), Piece::Poster).await
}

/// Get a link's handout cards as PDF
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<LinkId>, PrintQuery),
    responses(
        (
            status = 200,
            description = "PDF with four cards per sheet",
            content_type = "application/pdf",
            body = Vec<u8>,
        ),
        PrintProblems,
    ),
)]
#[get("/v1/practice/links/{id}/cards.pdf")]
pub(crate) async fn get_link_cards(
    service: Data<Service>,
    pool: Data<RenderPool>,
    call: RequestContext,
    id: PathId<LinkId>,
    query: Query<PrintQuery>,
) -> Result<HttpResponse, Problem> {
    print(&service, &pool, &call, id, query.into_inner(), Piece::Cards).await
}

/// Get a link's table tent as PDF
#[utoipa::path(
    tag = "practice", security(("staff_token" = [])), params(PathId<LinkId>, PrintQuery),
    responses(
        (status = 200, description = "PDF", content_type = "application/pdf", body = Vec<u8>),
        PrintProblems,
    ),
)]
#[get("/v1/practice/links/{id}/tent.pdf")]
pub(crate) async fn get_link_table_tent(
    service: Data<Service>,
    pool: Data<RenderPool>,
    call: RequestContext,
    id: PathId<LinkId>,
    query: Query<PrintQuery>,
) -> Result<HttpResponse, Problem> {
    print(&service, &pool, &call, id, query.into_inner(), Piece::Tent).await
}

/// Renders the item in the render pool, where no database connection is held.
pub(crate) async fn print(
    service: &Service,
    pool: &RenderPool,
    caller: &impl Caller,
    id: PathId<LinkId>,
    query: PrintQuery,
    piece: Piece,
) -> Result<HttpResponse, Problem> {
    let to = service
        .read_as_staff(caller, Permission::ViewPractice, move |tx, staff| links::printable(tx, staff, &id.0))
        .await?;
    let (code, settings) = (to.link.code.clone(), Arc::clone(&service.settings));
    let rendering = pool.draw(move || {
        let sheet = Sheet {
            practice: (!to.is_discreet()).then_some(to.practice.name.as_str()),
            city: &to.practice.city,
            app_name: &settings.app.name,
            public_url: &settings.public_url,
            code: &to.link.code,
            language: query.language().unwrap_or(to.practice.language),
        };
        piece.draw(&sheet, query.paper())
    });
    let bytes = rendering.await?;
    let (media_type, name, end) = piece.parts();
    let file = format!("inline; filename=\"{name}-{code}.{end}\"");
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_DISPOSITION, file))
        .body(bytes))
}
