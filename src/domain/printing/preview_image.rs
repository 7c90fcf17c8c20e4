//! The preview image of a shared link: 1200 × 630 pixels, the size that Open Graph readers expect.

use super::canvas::{ACCENT, Canvas, MUTED, Placed, Rgb, Style, TEXT};
use super::fonts::Weight;
use super::letters::printable;
use super::typeset::Line;
use super::{Error, Sheet, grouped, raster, texts};
use crate::kit::secret;

/// Also the value of `og:image:width`.
pub(super) const WIDTH: u16 = 1200;
const HEIGHT: u16 = 630;
const MARGIN: f32 = 96.0;
const PAPER: Rgb = (0xf4, 0xf6, 0xf5);

/// Increase this when the layout changes but the texts do not.
const LAYOUT: &str = "2";

/// The texts of the image and nothing else, so that two links with equal texts share one image.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PreviewImage {
    heading: String,
    place: String,
    line: &'static str,
    foot: String,
}

impl PreviewImage {
    /// The texts for a link.
    pub fn of(sheet: &Sheet<'_>) -> Self {
        let words = texts::of(sheet.language);
        let foot = match sheet.practice {
            Some(_) => format!("{} · {} {}", sheet.app_name, words.code, grouped(sheet.code)),
            None => sheet.app_name.to_owned(),
        };
        let (heading, place) = (sheet.heading().to_owned(), sheet.place().to_owned());
        Self { heading, place, line: words.share, foot }
    }

    /// A hash of the content for the image's URL, so that a cache never serves an outdated image.
    pub fn version(&self) -> String {
        let content = [LAYOUT, &self.heading, &self.place, self.line, &self.foot].join("\n");
        secret::sha256(content.as_bytes()).chars().take(8).collect()
    }

    /// Renders the image, 1200 × 630 pixels, as PNG.
    pub fn png(&self) -> Result<Vec<u8>, Error> {
        render(self)
    }
}

fn render(preview: &PreviewImage) -> Result<Vec<u8>, Error> {
    let mut canvas = Canvas::new();
    canvas.fill(ACCENT, (0.0, 0.0), (f32::from(WIDTH), 18.0));
    let room = f32::from(WIDTH) - 2.0 * MARGIN;
    let heading = printable(&preview.heading);
    let (size, lines) = canvas.typesetter.fit(Weight::Bold, (&heading, &[84.0, 70.0, 58.0], 2), room);
    // The place stands below the name, at the same side.
    let is_rtl = lines.iter().any(|line| line.is_rtl);
    let (mut y, mut placed) = (130.0, Vec::new());
    for line in lines {
        y += size;
        let below = size * 0.18 + line.depth;
        placed.push(Placed { x: start(&line, is_rtl), y, line });
        y += below;
    }
    canvas.lines(Style { weight: Weight::Bold, size, ink: TEXT }, placed);
    y += 58.0;
    for (weight, size, ink, y, text, is_rtl) in [
        (Weight::Regular, 42.0, MUTED, y, preview.place.as_str(), is_rtl),
        (Weight::Regular, 40.0, TEXT, 510.0, preview.line, false),
        (Weight::Bold, 34.0, ACCENT, 566.0, &preview.foot, false),
    ] {
        let (size, lines) = canvas.typesetter.fit(weight, (&printable(text), &[size], 1), room);
        let placed = lines.into_iter().map(|line| Placed { x: start(&line, is_rtl), y, line });
        canvas.lines(Style { weight, size, ink }, placed.collect());
    }
    raster::png(&canvas, (WIDTH, HEIGHT), PAPER)
}

/// Where a line begins: at the left margin, or so that it ends at the right one.
fn start(line: &Line, is_rtl: bool) -> f32 {
    if is_rtl { f32::from(WIDTH) - MARGIN - line.width } else { MARGIN }
}
