//! A one-page PDF of facts in sections, to file or hand over. It is always one page: the text first
//! gets smaller, and if that is not enough, the cut is marked with an ellipsis. Text in scripts that
//! no face covers is transliterated to Latin letters and marked, so that a reader does not
//! take it for the original spelling.

use super::canvas::{ACCENT, Canvas, MUTED, Placed, Rgb, Style, TEXT};
use super::fonts::Weight;
use super::letters::{printable, spells};
use super::typeset::Line;
use super::{Error, Paper, pdf, texts};
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

/// A text of the page: what is read together.
type Block = (Style, Vec<Placed>);

/// Lines that fill a page from the top.
struct Sheet<'a> {
    canvas: &'a mut Canvas,
    language: Language,
    width: f32,
    size: f32,
    y: f32,
    blocks: Vec<Block>,
}

impl Sheet<'_> {
    /// Sets a text of the page's language in a column and returns its height.
    fn set(&mut self, style: Style, x: f32, top: f32, text: &str) -> f32 {
        let (text, room) = (transliterate(text, self.language), self.width - MARGIN - x);
        let lines = self.canvas.typesetter.wrap_left_to_right(style.font(), &text, room);
        self.place(style, x, top, lines)
    }

    /// Sets what somebody wrote, in any language, and returns its height.
    fn set_value(&mut self, style: Style, x: f32, top: f32, text: &str) -> f32 {
        let mut height = 0.0;
        for paragraph in text.lines() {
            let (text, room) = (transliterate(paragraph, self.language), self.width - MARGIN - x);
            let lines = self.canvas.typesetter.wrap(style.font(), &text, room);
            height += self.place(style, x, top + height, lines);
        }
        height
    }

    /// A text that runs from right to left stays beside its name, but its lines begin at a common right edge.
    fn place(&mut self, style: Style, x: f32, top: f32, lines: Vec<Line>) -> f32 {
        let widest = lines.iter().map(|line| line.width).fold(0.0, f32::max);
        let mut y = top;
        let mut placed = Vec::with_capacity(lines.len());
        for line in lines {
            let x = if line.is_rtl { x + widest - line.width } else { x };
            placed.push(Placed { x, y: y + style.size, line });
            y += style.size * LEADING;
        }
        self.blocks.push((style, placed));
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
            let text =
                self.set_value(style(Weight::Regular, self.size, TEXT), MARGIN + INDENT, self.y, value);
            self.y += beside.max(text) + self.size * 0.25;
        }
    }
}

fn style(weight: Weight, size: f32, ink: Rgb) -> Style {
    Style { weight, size, ink }
}

/// Transliterates a text where needed, and marks it if that changed any letters.
fn transliterate(text: &str, language: Language) -> String {
    match spells(text) {
        true => printable(text),
        false => format!("{} {}", printable(text), texts::of(language).latin),
    }
}

/// Shortens a name to one line of its narrow column.
fn shortened(name: &str) -> String {
    name.chars().take(24).collect()
}

/// Draws the page as PDF.
pub fn fact_sheet(facts: &FactSheet, paper: Paper) -> Result<Vec<u8>, Error> {
    let (width, height) = paper.size();
    let mut canvas = Canvas::new();
    let bottom = height - 64.0;
    let mut blocks = Vec::new();
    for size in SIZES {
        let end;
        (blocks, end) = lay_out(&mut canvas, facts, width, size);
        if end <= bottom {
            break;
        }
    }
    canvas.fill(ACCENT, (0.0, 0.0), (width, 10.0));
    let is_on_page = |line: &Placed| line.y <= bottom;
    let is_whole = blocks.iter().flat_map(|(_, lines)| lines).all(is_on_page);
    for (style, mut lines) in blocks {
        lines.retain(is_on_page);
        canvas.lines(style, lines);
    }
    if !is_whole {
        canvas.text(style(Weight::Bold, 8.0, TEXT), MARGIN, bottom + 12.0, "…");
    }
    let foot = style(Weight::Regular, 7.5, MUTED);
    let footer = transliterate(&facts.footer, facts.language);
    let lines = canvas.typesetter.wrap_left_to_right(foot.font(), &footer, width - 2.0 * MARGIN);
    let placed = lines.into_iter().zip([34.0, 24.0, 14.0]);
    canvas.lines(foot, placed.map(|(line, y)| Placed { x: MARGIN, y: height - y, line }).collect());
    let tag = texts::of(facts.language).tag;
    pdf::file(&canvas, (width, height), &format!("{} · {}", facts.title, facts.subtitle), tag)
}

/// Lays out all texts at one font size; also returns where they end.
fn lay_out(canvas: &mut Canvas, facts: &FactSheet, width: f32, size: f32) -> (Vec<Block>, f32) {
    let mut sheet = Sheet { canvas, language: facts.language, width, size, y: 40.0, blocks: Vec::new() };
    sheet.head(facts);
    for section in &facts.sections {
        sheet.section(section);
    }
    (sheet.blocks, sheet.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_letters_that_no_face_has_are_said_to_be_others() {
        for name in ["Zoë Müller-Ñandú", "Nguyễn Thị", "Ιωάννης", "Иван Ёлкин", "محمد علي", "王芳", "Ana 😀"]
        {
            assert!(!transliterate(name, Language::En).contains('('), "{name}");
        }
        for (name, latin) in [("ᠮᠣᠩᠭᠣᠯ", "monggol"), ("Ana ᠮ", "Ana m"), ("\u{30000}", "?")] {
            let marks = ["(written here in Latin letters)", "(escrito aquí en letras latinas)"];
            assert_eq!(transliterate(name, Language::En), format!("{latin} {}", marks[0]));
            assert_eq!(transliterate(name, Language::Es), format!("{latin} {}", marks[1]));
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
            assert_eq!(file.matches("/Type/Page/").count(), 1, "{rows} rows");
            assert!(file.starts_with("%PDF-1."));
        }
    }

    #[test]
    fn the_same_facts_are_the_same_bytes() {
        assert_eq!(page(5), page(5));
    }
}
