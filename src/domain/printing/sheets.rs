//! Layout of the printed sheets. Code and address are never smaller than 24 points, and the QR code is
//! never narrower than 30 mm; names shrink and wrap but never overflow.

use super::canvas::{ACCENT, Canvas, MUTED, Placed, Rgb, Style, TEXT};
use super::fonts::Weight;
use super::letters::printable;
use super::qr::Modules;
use super::texts::{self, Words};
use super::typeset::Line;
use super::{Error, Paper, Sheet, grouped, pdf};

/// Minimum size of code and address, in points.
const LEAST: f32 = 24.0;
/// 30 mm in points, plus a margin for the printer.
const LEAST_QR: f32 = 88.0;

fn bold(size: f32, ink: Rgb) -> Style {
    Style { weight: Weight::Bold, size, ink }
}

fn regular(size: f32, ink: Rgb) -> Style {
    Style { weight: Weight::Regular, size, ink }
}

/// A column that is filled from the top.
struct Column {
    x: f32,
    width: f32,
    y: f32,
    is_centered: bool,
}

impl Column {
    /// Draws lines of one style, each `leading` times its size high. Where the column is not centered, a
    /// text that runs from right to left begins at the right edge.
    fn lines(&mut self, canvas: &mut Canvas, style: Style, leading: f32, lines: Vec<Line>) {
        let mut placed = Vec::with_capacity(lines.len());
        for line in lines {
            // Places the baseline so that the spare height is shared above and below the letters.
            let y = self.y + style.size * (leading * 0.5 + 0.36);
            let spare = self.width - line.width;
            let x = match (self.is_centered, line.is_rtl) {
                (true, _) => self.x + spare / 2.0,
                (false, true) => self.x + spare,
                (false, false) => self.x,
            };
            self.y += style.size * leading + line.depth;
            placed.push(Placed { x, y, line });
        }
        canvas.lines(style, placed);
    }

    /// Draws the name, and the place below it at the same side.
    fn head(&mut self, canvas: &mut Canvas, sheet: &Sheet<'_>, sizes: &[f32], place_sizes: &[f32]) {
        let name = printable(sheet.heading());
        let (size, lines) = canvas.typesetter.fit(Weight::Bold, (&name, sizes, 2), self.width);
        let is_rtl = lines.iter().any(|line| line.is_rtl);
        self.lines(canvas, bold(size, TEXT), 1.2, lines);
        let place = printable(sheet.place());
        let (size, mut lines) = canvas.typesetter.fit(Weight::Regular, (&place, place_sizes, 1), self.width);
        for line in &mut lines {
            line.is_rtl = is_rtl;
        }
        self.lines(canvas, regular(size, MUTED), 1.2, lines);
    }

    /// Draws one line of a text.
    fn line(&mut self, canvas: &mut Canvas, style: Style, leading: f32, text: &str) {
        let line = canvas.typesetter.line(style.font(), text);
        self.lines(canvas, style, leading, line.into_iter().collect());
    }

    /// Draws a text at the first of `sizes` at which it fits into `most` lines.
    fn fitted(
        &mut self,
        canvas: &mut Canvas,
        weight: Weight,
        ink: Rgb,
        (text, sizes, most): (&str, &[f32], usize),
    ) {
        let (size, lines) = canvas.typesetter.fit(weight, (text, sizes, most), self.width);
        self.lines(canvas, Style { weight, size, ink }, 1.2, lines);
    }

    /// Draws the address on as many lines as it needs.
    fn address(&mut self, canvas: &mut Canvas, address: &str, sizes: &[f32]) {
        let setter = &mut canvas.typesetter;
        let whole = sizes.iter().find(|size| setter.width((Weight::Bold, **size), address) <= self.width);
        let size = whole.copied().unwrap_or(LEAST);
        let lines = setter.wrap_address((Weight::Bold, size), address, self.width);
        self.lines(canvas, bold(size, TEXT), 1.2, lines);
    }

    fn steps(&mut self, canvas: &mut Canvas, words: &Words, size: f32) {
        let indent = size * 1.7;
        for (n, step) in words.steps.iter().enumerate() {
            let lines = canvas.typesetter.wrap((Weight::Regular, size), step, self.width - indent);
            let number = format!("{}.", n + 1);
            canvas.text(bold(size, ACCENT), self.x, self.y + size * 1.035, &number);
            let mut text =
                Self { x: self.x + indent, width: self.width - indent, y: self.y, is_centered: false };
            text.lines(canvas, regular(size, TEXT), 1.35, lines);
            self.y = text.y + size * 0.35;
        }
    }
}

fn finish(canvas: &Canvas, sheet: &Sheet<'_>, size: (f32, f32)) -> Result<Vec<u8>, Error> {
    let title = format!("{} · {}", sheet.heading(), sheet.address());
    pdf::file(canvas, size, &title, texts::of(sheet.language).tag)
}

pub(super) fn poster(sheet: &Sheet<'_>, paper: Paper) -> Result<Vec<u8>, Error> {
    let (width, height) = paper.size();
    let (words, modules) = (texts::of(sheet.language), Modules::of(sheet)?);
    let mut canvas = Canvas::new();
    canvas.fill(ACCENT, (0.0, 0.0), (width, 14.0));
    let mut column = Column { x: 54.0, width: width - 108.0, y: 50.0, is_centered: true };
    column.head(&mut canvas, sheet, &[44.0, 36.0, 30.0, 25.0], &[18.0, 14.0]);
    column.y += 14.0;
    column.fitted(&mut canvas, Weight::Regular, ACCENT, (words.lead, &[22.0, 20.0], 2));
    column.y += 30.0;
    // Taller paper has room for a larger code.
    let side = (height - 586.0).clamp(180.0, 250.0);
    canvas.qr(&modules, (width / 2.0 - side / 2.0, column.y), side);
    column.y += side + 26.0;
    column.fitted(&mut canvas, Weight::Regular, MUTED, (words.or_type, &[14.0], 1));
    column.y += 4.0;
    column.address(&mut canvas, &sheet.address(), &[34.0, 30.0, 27.0, LEAST]);
    let code = format!("{} {}", words.code, grouped(sheet.code));
    column.line(&mut canvas, bold(28.0, ACCENT), 1.3, &code);
    column.y += 20.0;
    let mut steps = Column { x: 90.0, width: width - 180.0, y: column.y, is_centered: false };
    steps.steps(&mut canvas, &words, 13.5);
    canvas.centered(bold(13.0, TEXT), width / 2.0, height - 36.0, words.emergency);
    finish(&canvas, sheet, (width, height))
}

pub(super) fn cards(sheet: &Sheet<'_>, paper: Paper) -> Result<Vec<u8>, Error> {
    let (width, height) = paper.size();
    let modules = Modules::of(sheet)?;
    let mut canvas = Canvas::new();
    let (half, middle) = (width / 2.0, height / 2.0);
    for (left, top) in [(0.0, 0.0), (half, 0.0), (0.0, middle), (half, middle)] {
        card(&mut canvas, sheet, &modules, (left, top), (half, middle));
    }
    canvas.dashed((half, 0.0), (half, height));
    canvas.dashed((0.0, middle), (width, middle));
    finish(&canvas, sheet, (width, height))
}

fn card(
    canvas: &mut Canvas,
    sheet: &Sheet<'_>,
    modules: &Modules,
    (left, top): (f32, f32),
    (width, height): (f32, f32),
) {
    let words = texts::of(sheet.language);
    let mut column = Column { x: left + 26.0, width: width - 52.0, y: top + 26.0, is_centered: false };
    column.head(canvas, sheet, &[19.0, 16.0, 14.0, 12.0], &[11.0, 9.0]);
    column.y += 20.0;
    let side = 96.0_f32.max(LEAST_QR);
    canvas.qr(modules, (column.x, column.y), side);
    let beside = side + 22.0;
    let mut right =
        Column { x: column.x + beside, width: column.width - beside, y: column.y + 14.0, is_centered: false };
    right.line(canvas, regular(11.0, MUTED), 1.4, words.code);
    let code = grouped(sheet.code);
    let code = canvas.typesetter.wrap((Weight::Bold, LEAST), &code, right.width);
    right.lines(canvas, bold(LEAST, ACCENT), 1.25, code);
    column.y += side + 16.0;
    column.address(canvas, &sheet.address(), &[LEAST]);
    column.y += 8.0;
    column.steps(canvas, &words, 8.8);
    canvas.text(bold(9.0, TEXT), column.x, top + height - 20.0, words.emergency);
}

/// A table tent: the lower half is upright, the upper half upside down, with the fold between them.
pub(super) fn table_tent(sheet: &Sheet<'_>, paper: Paper) -> Result<Vec<u8>, Error> {
    let (width, height) = paper.size();
    let modules = Modules::of(sheet)?;
    let mut canvas = Canvas::new();
    let size = (width, height / 2.0);
    face(&mut canvas, sheet, &modules, height / 2.0, size);
    canvas.upside_down(|canvas| face(canvas, sheet, &modules, height / 2.0, size));
    canvas.dashed((0.0, height / 2.0), (width, height / 2.0));
    finish(&canvas, sheet, (width, height))
}

fn face(canvas: &mut Canvas, sheet: &Sheet<'_>, modules: &Modules, top: f32, (width, height): (f32, f32)) {
    let words = texts::of(sheet.language);
    canvas.fill(ACCENT, (0.0, top + height - 10.0), (width, 10.0));
    let mut head = Column { x: 48.0, width: width - 96.0, y: top + 40.0, is_centered: false };
    head.head(canvas, sheet, &[30.0, 25.0, 21.0, 18.0], &[14.0, 11.0]);
    head.y += 24.0;
    let side = 150.0;
    canvas.qr(modules, (head.x + 4.0, head.y), side);
    let beside = side + 34.0;
    let mut right =
        Column { x: head.x + beside, width: head.width - beside, y: head.y - 8.0, is_centered: false };
    right.fitted(canvas, Weight::Regular, MUTED, (words.or_type, &[12.0], 2));
    right.address(canvas, &sheet.address(), &[28.0, LEAST]);
    right.line(canvas, bold(LEAST, ACCENT), 1.35, &format!("{} {}", words.code, grouped(sheet.code)));
    right.y += 8.0;
    right.steps(canvas, &words, 11.0);
    canvas.text(bold(11.0, TEXT), head.x + 4.0, top + height - 30.0, words.emergency);
}
