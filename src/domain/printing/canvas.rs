//! The drawing surface of a sheet or picture: a list of texts, areas and cut marks, in points or pixels
//! from the top left corner. `pdf` and `raster` paint it.

use super::fonts::Weight;
use super::qr::{Modules, QUIET};
use super::typeset::{Font, Line, Typesetter};

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
/// Color of its modules.
const BLACK: Rgb = (0, 0, 0);

#[derive(Clone, Copy)]
pub(super) struct Style {
    pub weight: Weight,
    /// Font size in points.
    pub size: f32,
    pub ink: Rgb,
}

impl Style {
    pub(super) fn font(self) -> Font {
        (self.weight, self.size)
    }
}

/// A line of text; `y` is its baseline.
pub(super) struct Placed {
    pub x: f32,
    pub y: f32,
    pub line: Line,
}

/// Left and upper edge, width and height.
pub(super) type Area = (f32, f32, f32, f32);

pub(super) enum Item {
    /// Lines that are read together.
    Text { style: Style, lines: Vec<Placed> },
    /// A filled shape; `meaning` is what it says to a reader who does not see it, if anything.
    Shape { ink: Rgb, areas: Vec<Area>, meaning: Option<String> },
    /// A dashed line to cut or fold along.
    Cut { from: (f32, f32), to: (f32, f32) },
    /// Items that are rotated by 180° about the middle of the page.
    UpsideDown(Vec<Item>),
}

pub(super) struct Canvas {
    pub typesetter: Typesetter,
    items: Vec<Item>,
}

impl Canvas {
    pub(super) fn new() -> Self {
        Self { typesetter: Typesetter::new(), items: Vec::new() }
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Draws one line of text; `y` is its baseline.
    pub(super) fn text(&mut self, style: Style, x: f32, y: f32, text: &str) {
        let lines = self.typesetter.line(style.font(), text).map(|line| Placed { x, y, line });
        self.lines(style, lines.into_iter().collect());
    }

    /// Draws a line of text centered on `center`.
    pub(super) fn centered(&mut self, style: Style, center: f32, y: f32, text: &str) {
        let width = self.typesetter.width(style.font(), text);
        self.text(style, center - width / 2.0, y, text);
    }

    /// Draws lines that are read together.
    pub(super) fn lines(&mut self, style: Style, lines: Vec<Placed>) {
        self.items.push(Item::Text { style, lines });
    }

    /// Draws a filled rectangle; `y` is its upper edge.
    pub(super) fn fill(&mut self, ink: Rgb, (x, y): (f32, f32), (width, height): (f32, f32)) {
        self.items.push(Item::Shape { ink, areas: vec![(x, y, width, height)], meaning: None });
    }

    pub(super) fn dashed(&mut self, from: (f32, f32), to: (f32, f32)) {
        self.items.push(Item::Cut { from, to });
    }

    /// Draws a QR code `side` points wide, not counting the quiet zone, which is painted white around it.
    pub(super) fn qr(&mut self, modules: &Modules, (x, y): (f32, f32), side: f32) {
        let unit = side / count(modules.width);
        let quiet = unit * count(QUIET);
        self.fill(WHITE, (x - quiet, y - quiet), (side + 2.0 * quiet, side + 2.0 * quiet));
        let area = |(column, row)| (x + count(column) * unit, y + count(row) * unit, unit, unit);
        let meaning = Some(modules.text.clone());
        self.items.push(Item::Shape { ink: BLACK, areas: modules.dark().map(area).collect(), meaning });
    }

    /// Runs `draw` rotated by 180° about the middle of the page.
    pub(super) fn upside_down(&mut self, draw: impl FnOnce(&mut Self)) {
        let upright = std::mem::take(&mut self.items);
        draw(self);
        let turned = std::mem::replace(&mut self.items, upright);
        self.items.push(Item::UpsideDown(turned));
    }
}

/// A number of modules as a length; codes are far narrower than the largest integer that
/// a float holds exactly.
pub(super) fn count(modules: usize) -> f32 {
    f32::from(u16::try_from(modules).unwrap_or(u16::MAX))
}
