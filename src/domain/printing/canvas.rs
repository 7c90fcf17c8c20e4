//! The drawing surface of a sheet: text, lines and QR codes, in points from the top left corner.

use std::collections::BTreeMap;

use ab_glyph::Font as _;
use pdf_writer::{Content, Name, Str};
use subsetter::GlyphRemapper;

use super::Error;
use super::font::{Fonts, Weight};
use super::qr::{Modules, QUIET};

/// An RGB color: red, green, blue.
pub(super) type Rgb = (u8, u8, u8);

/// The accent color of the pages.
pub(super) const ACCENT: Rgb = (0x0b, 0x61, 0x58);
/// Color of running text.
pub(super) const TEXT: Rgb = (0x15, 0x1c, 0x1a);
/// Color of secondary text.
pub(super) const MUTED: Rgb = (0x54, 0x60, 0x5c);
/// Color of lines and cut marks.
pub(super) const RULE: Rgb = (0xb4, 0xbe, 0xba);
/// Color of a QR code's quiet zone.
const WHITE: Rgb = (0xff, 0xff, 0xff);

#[derive(Clone, Copy)]
pub(super) struct Style {
    pub weight: Weight,
    /// Font size in points.
    pub size: f32,
    pub ink: Rgb,
}

/// The glyphs of one font face that a sheet uses.
#[derive(Default)]
pub(super) struct GlyphSubset {
    /// Maps glyph ids of the font to glyph ids of the embedded subset.
    pub glyphs: GlyphRemapper,
    /// The character of each glyph id in the subset.
    pub meaning: BTreeMap<u16, char>,
}

pub(super) struct Canvas {
    pub content: Content,
    pub fonts: Fonts,
    pub regular: GlyphSubset,
    pub bold: GlyphSubset,
    height: f32,
}

impl Canvas {
    /// An empty page, `height` points high.
    pub(super) fn new(height: f32) -> Result<Self, Error> {
        let (regular, bold) = (GlyphSubset::default(), GlyphSubset::default());
        Ok(Self { content: Content::new(), fonts: Fonts::load()?, regular, bold, height })
    }

    /// Draws one line of text; `y` is its baseline.
    pub(super) fn text(&mut self, style: Style, x: f32, y: f32, text: &str) {
        let face = self.fonts.face(style.weight);
        let (used, name) = match style.weight {
            Weight::Regular => (&mut self.regular, Name(b"R")),
            Weight::Bold => (&mut self.bold, Name(b"B")),
        };
        let mut bytes = Vec::with_capacity(text.len() * 2);
        for c in text.chars() {
            let glyph = used.glyphs.remap(face.font.glyph_id(c).0);
            used.meaning.insert(glyph, c);
            bytes.extend(glyph.to_be_bytes());
        }
        let (r, g, b) = unit(style.ink);
        self.content.begin_text().set_font(name, style.size).set_fill_rgb(r, g, b);
        self.content.next_line(x, self.height - y).show(Str(&bytes)).end_text();
    }

    /// Draws a line of text centered on `center`.
    pub(super) fn centered(&mut self, style: Style, center: f32, y: f32, text: &str) {
        let width = self.fonts.face(style.weight).width(text, style.size);
        self.text(style, center - width / 2.0, y, text);
    }

    /// Draws a filled rectangle; `y` is its upper edge.
    pub(super) fn fill(&mut self, ink: Rgb, (x, y): (f32, f32), (width, height): (f32, f32)) {
        let (r, g, b) = unit(ink);
        self.content.set_fill_rgb(r, g, b).rect(x, self.height - y - height, width, height).fill_nonzero();
    }

    pub(super) fn dashed(&mut self, from: (f32, f32), to: (f32, f32)) {
        let (r, g, b) = unit(RULE);
        self.content
            .save_state()
            .set_stroke_rgb(r, g, b)
            .set_line_width(0.5)
            .set_dash_pattern([3.0, 3.0], 0.0);
        self.content.move_to(from.0, self.height - from.1).line_to(to.0, self.height - to.1).stroke();
        self.content.restore_state();
    }

    /// Draws a QR code `side` points wide, not counting the quiet zone, which is painted white around it.
    pub(super) fn qr(&mut self, modules: &Modules, (x, y): (f32, f32), side: f32) {
        let unit = side / count(modules.width);
        let quiet = unit * count(QUIET);
        self.fill(WHITE, (x - quiet, y - quiet), (side + 2.0 * quiet, side + 2.0 * quiet));
        self.content.set_fill_gray(0.0);
        for (column, row) in modules.dark() {
            let (left, top) = (x + count(column) * unit, y + count(row) * unit);
            self.content.rect(left, self.height - top - unit, unit, unit);
        }
        self.content.fill_nonzero();
    }

    /// Runs `draw` rotated by 180° about the middle of a page of the given width.
    pub(super) fn upside_down(&mut self, width: f32, draw: impl FnOnce(&mut Self)) {
        self.content.save_state().transform([-1.0, 0.0, 0.0, -1.0, width, self.height]);
        draw(self);
        self.content.restore_state();
    }
}

fn unit((r, g, b): Rgb) -> (f32, f32, f32) {
    (f32::from(r) / 255.0, f32::from(g) / 255.0, f32::from(b) / 255.0)
}

/// A number of modules as a length; codes are far narrower than the largest integer that
/// a float holds exactly.
pub(super) fn count(modules: usize) -> f32 {
    f32::from(u16::try_from(modules).unwrap_or(u16::MAX))
}
