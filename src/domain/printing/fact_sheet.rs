//! A one-page PDF of facts in sections, to file or hand over. It is always one page: the text first
//! gets smaller, and if that is not enough, the cut is marked with an ellipsis. Text in scripts that
//! the font does not cover is transliterated to Latin letters and marked, so that a reader does not
//! take it for the original spelling.

use super::canvas::{ACCENT, Canvas, MUTED, Rgb, Style, TEXT};
use super::font::{Face, Weight};
use super::{Error, Paper, pdf, words};
use crate::kit::Language;

/// Distance from the paper's edge.
const MARGIN: f32 = 48.0;
/// Left edge of the values, beside their names.
const INDENT: f32 = 128.0;
/// Font sizes to try; the largest that fits is used.
const SIZES: [f32; 5] = [10.0, 9.0, 8.0, 7.0, 6.5];
const LEADING: f32 = 1.38;

pub struct FactSheet {
    pub title: String,
    /// Whose page it is, below the title.
    pub subtitle: String,
    pub sections: Vec<Section>,
    /// Author, date and how to check the page.
    pub footer: String,
    /// Language of the texts and of the PDF.
    pub language: Language,
}

/// A group of related facts.
pub struct Section {
    pub heading: String,
    /// Name and value; a value can have several lines.
    pub rows: Vec<(String, String)>,
}

/// A positioned line of text; `y` is its baseline.
struct Line {
    style: Style,
    x: f32,
    y: f32,
    text: String,
}

/// Lines that fill a page from the top.
struct Sheet<'a> {
    canvas: &'a Canvas,
    language: Language,
    width: f32,
    size: f32,
    y: f32,
    lines: Vec<Line>,
}

impl Sheet<'_> {
    /// Sets a text in a column and returns its height.
    fn set(&mut self, style: Style, x: f32, top: f32, text: &str) -> f32 {
        let face = self.canvas.fonts.face(style.weight);
        let mut y = top;
        for paragraph in text.lines() {
            for line in
                face.wrap(&transliterate(face, paragraph, self.language), style.size, self.width - MARGIN - x)
            {
                self.lines.push(Line { style, x, y: y + style.size, text: line });
                y += style.size * LEADING;
            }
        }
        y - top
    }

    fn head(&mut self, facts: &FactSheet) {
        self.y += self.set(style(Weight::Bold, 20.0, TEXT), MARGIN, self.y, &facts.title);
        self.y += self.set(style(Weight::Regular, 11.0, MUTED), MARGIN, self.y, &facts.subtitle) + 10.0;
    }

    fn section(&mut self, section: &Section) {
        self.y += self.size * 0.9;
        self.y += self.set(style(Weight::Bold, self.size + 1.5, ACCENT), MARGIN, self.y, &section.heading);
        for (name, value) in &section.rows {
            let beside = self.set(style(Weight::Regular, self.size, MUTED), MARGIN, self.y, &shortened(name));
            let text = self.set(style(Weight::Regular, self.size, TEXT), MARGIN + INDENT, self.y, value);
            self.y += beside.max(text) + self.size * 0.25;
        }
    }
}

fn style(weight: Weight, size: f32, ink: Rgb) -> Style {
    Style { weight, size, ink }
}

/// Transliterates a text where needed, and marks it if that changed any letters.
fn transliterate(face: &Face, text: &str, language: Language) -> String {
    let printable = face.printable(text);
    match face.spells(text) {
        true => printable,
        false => format!("{} {}", printable.trim_end(), words::of(language).latin),
    }
}

/// Shortens a name to one line of its narrow column.
fn shortened(name: &str) -> String {
    name.chars().take(24).collect()
}

/// Draws the page as PDF.
pub fn fact_sheet(facts: &FactSheet, paper: Paper) -> Result<Vec<u8>, Error> {
    let (width, height) = paper.size();
    let mut canvas = Canvas::new(height)?;
    let bottom = height - 64.0;
    let mut lines = Vec::new();
    for size in SIZES {
        let end;
        (lines, end) = lay_out(&canvas, facts, width, size);
        if end <= bottom {
            break;
        }
    }
    canvas.fill(ACCENT, (0.0, 0.0), (width, 10.0));
    let is_whole = lines.iter().all(|line| line.y <= bottom);
    for line in lines.iter().filter(|line| line.y <= bottom) {
        canvas.text(line.style, line.x, line.y, &line.text);
    }
    if !is_whole {
        canvas.text(style(Weight::Bold, 8.0, TEXT), MARGIN, bottom + 12.0, "…");
    }
    let foot = style(Weight::Regular, 7.5, MUTED);
    let face = canvas.fonts.face(Weight::Regular);
    let foot_lines =
        face.wrap(&transliterate(face, &facts.footer, facts.language), foot.size, width - 2.0 * MARGIN);
    for (line, y) in foot_lines.iter().take(3).zip([34.0, 24.0, 14.0]) {
        canvas.text(foot, MARGIN, height - y, line);
    }
    let tag = words::of(facts.language).tag;
    pdf::file(canvas, (width, height), &format!("{} · {}", facts.title, facts.subtitle), tag)
}

/// Lays out all lines at one font size; also returns where they end.
fn lay_out(canvas: &Canvas, facts: &FactSheet, width: f32, size: f32) -> (Vec<Line>, f32) {
    let mut sheet = Sheet { canvas, language: facts.language, width, size, y: 40.0, lines: Vec::new() };
    sheet.head(facts);
    for section in &facts.sections {
        sheet.section(section);
    }
    (sheet.lines, sheet.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_letters_than_the_pages_are_said_to_be_others() {
        let canvas = Canvas::new(792.0).unwrap();
        let face = canvas.fonts.face(Weight::Regular);
        for name in ["Zoë Müller-Ñandú", "Nguyễn Thị", "Łukasz", "Ιωάννης", "Иван Ёлкин", "Ana 😀"]
        {
            assert!(!transliterate(face, name, Language::En).contains('('), "{name}");
        }
        for (name, latin) in
            [("محمد علي", "mHmd `ly"), ("王芳", "Wang Fang"), ("Ana 王", "Ana Wang"), ("\u{30000}", "?")]
        {
            assert_eq!(
                transliterate(face, name, Language::En),
                format!("{latin} (written here in Latin letters)")
            );
            assert_eq!(
                transliterate(face, name, Language::Es),
                format!("{latin} (escrito aquí en letras latinas)")
            );
        }
    }

    fn page(rows: usize) -> Vec<u8> {
        let row = |n| (format!("Row {n}"), "Ελληνικά, 日本 😀 and a value of some length. ".repeat(4));
        let sections = vec![Section { heading: "Facts".into(), rows: (0..rows).map(row).collect() }];
        let (title, subtitle, footer) = ("Proof".into(), "Elm Dental".into(), "Made today. ".repeat(30));
        let page = FactSheet { title, subtitle, sections, footer, language: Language::Es };
        fact_sheet(&page, Paper::Letter).unwrap()
    }

    #[test]
    fn however_much_there_is_it_is_one_page() {
        for rows in [0, 3, 30, 300] {
            let file = String::from_utf8_lossy(&page(rows)).into_owned();
            assert_eq!(file.matches("/Type /Page\n").count(), 1, "{rows} rows");
            assert!(file.starts_with("%PDF-1."));
        }
    }

    #[test]
    fn the_same_facts_are_the_same_bytes() {
        assert_eq!(page(5), page(5));
    }
}
