//! The preview image of a shared link: 1200 × 630 pixels, the size that Open Graph readers expect.

use ab_glyph::{Font as _, Glyph, PxScale, point};

use super::canvas::{ACCENT, MUTED, Rgb, TEXT};
use super::font::{Fonts, Weight};
use super::{Error, Sheet, grouped, qr, words};
use crate::kit::secret;

/// Also the value of `og:image:width`.
pub(super) const WIDTH: usize = 1200;
const HEIGHT: usize = 630;
const MARGIN: f32 = 96.0;
const PAPER: Rgb = (0xf4, 0xf6, 0xf5);

/// Increase this when the layout changes but the texts do not.
const LAYOUT: &str = "1";

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
        let words = words::of(sheet.language);
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

struct Picture {
    fonts: Fonts,
    pixels: Vec<u8>,
}

fn render(preview: &PreviewImage) -> Result<Vec<u8>, Error> {
    let (r, g, b) = PAPER;
    let mut picture = Picture { fonts: Fonts::load()?, pixels: [r, g, b].repeat(WIDTH * HEIGHT) };
    picture.fill(ACCENT, (0, 0), (WIDTH, 18));
    let room = 1200.0 - 2.0 * MARGIN;
    let heading = picture.fonts.face(Weight::Bold).printable(&preview.heading);
    let (size, lines) = picture.fonts.face(Weight::Bold).fit(&heading, &[84.0, 70.0, 58.0], room, 2);
    let mut y = 130.0;
    for line in &lines {
        y += size;
        picture.text((Weight::Bold, size, TEXT), (MARGIN, y), line);
        y += size * 0.18;
    }
    y += 58.0;
    let place = picture.fonts.face(Weight::Regular).printable(&preview.place);
    picture.text((Weight::Regular, 42.0, MUTED), (MARGIN, y), &place);
    picture.text((Weight::Regular, 40.0, TEXT), (MARGIN, 510.0), preview.line);
    let foot = picture.fonts.face(Weight::Bold).printable(&preview.foot);
    picture.text((Weight::Bold, 34.0, ACCENT), (MARGIN, 566.0), &foot);
    qr::encode_png(WIDTH, HEIGHT, png::ColorType::Rgb, &picture.pixels)
}

impl Picture {
    fn fill(&mut self, ink: Rgb, (left, top): (usize, usize), (width, height): (usize, usize)) {
        for y in top..top + height {
            for x in left..left + width {
                self.mix(x, y, ink, 1.0);
            }
        }
    }

    /// Draws one line of text on its baseline.
    fn text(&mut self, (weight, size, ink): (Weight, f32, Rgb), (mut x, y): (f32, f32), text: &str) {
        let mut covered = Vec::new();
        let face = self.fonts.face(weight);
        // `PxScale` counts from ascent to descent, but the size here is the em, as everywhere else.
        let em = face.font.height_unscaled() / face.font.units_per_em().unwrap_or(1.0);
        for c in text.chars() {
            let id = face.font.glyph_id(c);
            let glyph = Glyph { id, scale: PxScale::from(size * em), position: point(x, y) };
            if let Some(outline) = face.font.outline_glyph(glyph) {
                let origin = outline.px_bounds().min;
                outline.draw(|dx, dy, share| covered.push((shift(origin.x, dx), shift(origin.y, dy), share)));
            }
            x += face.advance(id) * size / 1000.0;
        }
        for (x, y, share) in covered {
            if let (Some(x), Some(y)) = (x, y) {
                self.mix(x, y, ink, share);
            }
        }
    }

    fn mix(&mut self, x: usize, y: usize, (r, g, b): Rgb, share: f32) {
        if x >= WIDTH || y >= HEIGHT {
            return;
        }
        let at = (y * WIDTH + x) * 3;
        for (pixel, ink) in self.pixels.iter_mut().skip(at).zip([r, g, b]) {
            *pixel = blend(*pixel, ink, share);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of a byte")]
fn blend(under: u8, over: u8, share: f32) -> u8 {
    let share = share.clamp(0.0, 1.0);
    (f32::from(under) * (1.0 - share) + f32::from(over) * share).round().clamp(0.0, 255.0) as u8
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie in the picture")]
fn shift(origin: f32, by: u32) -> Option<usize> {
    let at = origin + f32::from(u16::try_from(by).ok()?);
    (0.0..2000.0).contains(&at).then_some(at as usize)
}
