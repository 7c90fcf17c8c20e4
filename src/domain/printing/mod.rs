//! Print kit and preview image of a link: QR code, poster, cards, table tent, Open Graph picture.
//!
//! These are pure functions from the content of a sheet to bytes, and the same input gives the same bytes.
//! Text of any script is set in Inter and Noto (SIL Open Font License 1.1), which are part of the binary;
//! each file embeds only the glyphs it uses. Drawing is CPU work, so handlers run it in the [`RenderPool`].

mod canvas;
pub mod fact_sheet;
mod fonts;
mod han;
mod letters;
pub mod logo;
mod pdf;
mod preview_image;
mod qr;
mod raster;
mod render_pool;
mod sheets;
mod typeset;
mod texts;

pub use fact_sheet::{FactSheet, Section, fact_sheet};
pub use preview_image::PreviewImage;
pub use render_pool::RenderPool;

use crate::kit::Language;

/// Why something cannot be printed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is too long for a QR code, or has characters outside its alphanumeric mode.
    #[error("the address does not fit a QR code")]
    Address,
    /// A font or picture could not be produced. The fonts are part of the binary, so
    /// this should never happen.
    #[error("the picture could not be rendered")]
    Picture,
    /// The render pool was busy for longer than a request waits.
    #[error("the render pool is busy")]
    Busy,
}

/// The content of a sheet or picture.
pub struct Sheet<'a> {
    /// The practice's name; `None` on a discreet link, where the app's name is used instead.
    pub practice: Option<&'a str>,
    /// The practice's city; not printed on a discreet link.
    pub city: &'a str,
    pub app_name: &'a str,
    /// The origin of links, e.g. `https://links.example.org`.
    pub public_url: &'a str,
    pub code: &'a str,
    pub language: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// 8.5 × 11 inches.
    Letter,
    /// 210 × 297 mm.
    A4,
}

impl Paper {
    /// Width and height in points (1/72 inch).
    fn size(self) -> (f32, f32) {
        match self {
            Self::Letter => (612.0, 792.0),
            Self::A4 => (595.276, 841.89),
        }
    }
}

impl Sheet<'_> {
    /// `HOST/123456`, as people type it.
    fn address(&self) -> String {
        let host = self.public_url.split_once("://").map_or(self.public_url, |(_, host)| host);
        format!("{host}/{}", self.code)
    }

    /// The practice's name; the app's on a discreet link, and where no letter of the name can be printed.
    fn heading(&self) -> &str {
        self.practice.filter(|name| !letters::printable(name).is_empty()).unwrap_or(self.app_name)
    }

    /// The line below the heading; empty on a discreet link.
    fn place(&self) -> &str {
        if self.practice.is_some() { self.city } else { "" }
    }
}

/// Splits digits into groups of three or four, so that people keep their place while typing them.
pub fn grouped(code: &str) -> String {
    let size = if code.len().is_multiple_of(4) { 4 } else { 3 };
    let digits: Vec<char> = code.chars().collect();
    digits.chunks(size).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

/// The QR code as SVG: a white square and one black path of unit squares, including four modules of quiet
/// zone. It depends only on the address, so it stays the same when the practice is renamed.
pub fn qr_svg(sheet: &Sheet<'_>) -> Result<String, Error> {
    Ok(qr::Modules::of(sheet)?.svg())
}

/// Any text as a QR code, as SVG of the same form.
pub fn qr_of_text(text: &str) -> Result<String, Error> {
    Ok(qr::Modules::of_text(text)?.svg())
}

/// The QR code as PNG, at least 1,000 pixels wide, including the quiet zone.
pub fn qr_png(sheet: &Sheet<'_>) -> Result<Vec<u8>, Error> {
    qr::Modules::of(sheet)?.png()
}

/// A wall poster, as PDF.
pub fn poster(sheet: &Sheet<'_>, paper: Paper) -> Result<Vec<u8>, Error> {
    sheets::poster(sheet, paper)
}

/// Four cards on a sheet, with cut marks, as PDF.
pub fn cards(sheet: &Sheet<'_>, paper: Paper) -> Result<Vec<u8>, Error> {
    sheets::cards(sheet, paper)
}

/// A table tent, as PDF: two faces on one sheet that is folded in the middle.
pub fn table_tent(sheet: &Sheet<'_>, paper: Paper) -> Result<Vec<u8>, Error> {
    sheets::table_tent(sheet, paper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet<'a>(practice: Option<&'a str>, public_url: &'a str) -> Sheet<'a> {
        let language = Language::En;
        Sheet { practice, city: "Springfield", app_name: "Messenger", public_url, code: "123456", language }
    }

    #[test]
    fn a_short_host_makes_the_smallest_readable_code() {
        // Version 2: 25 modules, plus a quiet zone of 4 on each side.
        let svg = qr_svg(&sheet(None, "https://pl.example")).unwrap();
        assert!(svg.contains("viewBox=\"0 0 33 33\""), "{svg}");
    }

    #[test]
    fn a_printed_code_outlives_a_rename() {
        let (before, after) =
            (sheet(Some("Elm"), "https://a.example"), sheet(Some("Oak"), "https://a.example"));
        assert_eq!(qr_svg(&before).unwrap(), qr_svg(&after).unwrap());
        assert_eq!(qr_png(&before).unwrap(), qr_png(&after).unwrap());
    }

    #[test]
    fn the_same_sheet_is_the_same_bytes() {
        let sheet = sheet(Some("Clinic さくら عيادة श्री 123"), "https://a.example");
        for piece in [poster, cards, table_tent] {
            assert!(piece(&sheet, Paper::A4).unwrap() == piece(&sheet, Paper::A4).unwrap());
        }
        assert!(PreviewImage::of(&sheet).png().unwrap() == PreviewImage::of(&sheet).png().unwrap());
    }

    #[test]
    fn any_name_prints() {
        let long =
            "Centro Médico de la Sagrada Familia y Niño Jesús – Ελληνικά Кириллица 日本 عيادة 😀 ".repeat(3);
        for name in [Some(long.as_str()), Some("É"), Some(""), None] {
            for paper in [Paper::Letter, Paper::A4] {
                let sheet = sheet(name, "https://a-rather-long-host-name.links.example.org");
                for pdf in [poster(&sheet, paper), cards(&sheet, paper), table_tent(&sheet, paper)] {
                    assert!(pdf.unwrap().starts_with(b"%PDF-1."));
                }
                assert!(PreviewImage::of(&sheet).png().unwrap().starts_with(b"\x89PNG"));
            }
        }
    }
}
