//! What a sheet is drawn on: text, lines and QR codes in points from the top left corner.

use std::collections::BTreeMap;

use ab_glyph::Font as _;
use pdf_writer::{Content, Name, Str};
use subsetter::GlyphRemapper;

use super::Unprintable;
use super::font::{Fonts, Weight};
use super::qr::{Modules, QUIET};

/// Red, green, blue.
pub type Ink = (u8, u8, u8);

/// The accent of the pages.
pub const ACCENT: Ink = (0x0b, 0x61, 0x58);
/// Running text.
pub const TEXT: Ink = (0x15, 0x1c, 0x1a);
/// What may stand back.
pub const MUTED: Ink = (0x54, 0x60, 0x5c);
/// Rules and marks.
pub const RULE: Ink = (0xb4, 0xbe, 0xba);
/// The quiet zone of a QR code.
const WHITE: Ink = (0xff, 0xff, 0xff);

/// How text is set.
#[derive(Clone, Copy)]
pub struct Style {
    /// How heavy.
    pub weight: Weight,
    /// In points.
    pub size: f32,
    /// Its colour.
    pub ink: Ink,
}

/// The letters of one face that a sheet uses.
#[derive(Default)]
pub struct Used {
    /// From the font's numbers to the file's.
    pub glyphs: GlyphRemapper,
    /// What each of the file's numbers means.
    pub meaning: BTreeMap<u16, char>,
}

/// A page being drawn.
pub struct Canvas {
    /// The drawing.
    pub content: Content,
    /// The faces.
    pub fonts: Fonts,
    /// Letters of the regular face.
    pub regular: Used,
    /// Letters of the bold face.
    pub bold: Used,
    height: f32,
}

impl Canvas {
    /// An empty page of `height` points.
    pub fn new(height: f32) -> Result<Self, Unprintable> {
        let (regular, bold) = (Used::default(), Used::default());
        Ok(Self { content: Content::new(), fonts: Fonts::load()?, regular, bold, height })
    }

    /// One line of text; `y` is its baseline.
    pub fn text(&mut self, style: Style, x: f32, y: f32, text: &str) {
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

    /// A line of text around `center`.
    pub fn centered(&mut self, style: Style, center: f32, y: f32, text: &str) {
        let width = self.fonts.face(style.weight).width(text, style.size);
        self.text(style, center - width / 2.0, y, text);
    }

    /// A filled rectangle; `y` is its upper edge.
    pub fn fill(&mut self, ink: Ink, (x, y): (f32, f32), (width, height): (f32, f32)) {
        let (r, g, b) = unit(ink);
        self.content.set_fill_rgb(r, g, b).rect(x, self.height - y - height, width, height).fill_nonzero();
    }

    /// A thin dashed line.
    pub fn dashed(&mut self, from: (f32, f32), to: (f32, f32)) {
        let (r, g, b) = unit(RULE);
        self.content
            .save_state()
            .set_stroke_rgb(r, g, b)
            .set_line_width(0.5)
            .set_dash_pattern([3.0, 3.0], 0.0);
        self.content.move_to(from.0, self.height - from.1).line_to(to.0, self.height - to.1).stroke();
        self.content.restore_state();
    }

    /// A QR code `side` points wide, quiet zone not counted: that is painted white around it.
    pub fn qr(&mut self, modules: &Modules, (x, y): (f32, f32), side: f32) {
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

    /// Draws what `draw` draws once more, turned upside down about the middle of a page of `width`.
    pub fn upside_down(&mut self, width: f32, draw: impl FnOnce(&mut Self)) {
        self.content.save_state().transform([-1.0, 0.0, 0.0, -1.0, width, self.height]);
        draw(self);
        self.content.restore_state();
    }
}

fn unit((r, g, b): Ink) -> (f32, f32, f32) {
    (f32::from(r) / 255.0, f32::from(g) / 255.0, f32::from(b) / 255.0)
}

/// A number of modules as a length; codes are far narrower than what a float holds exactly.
pub fn count(modules: usize) -> f32 {
    f32::from(u16::try_from(modules).unwrap_or(u16::MAX))
}
