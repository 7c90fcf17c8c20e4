//! The font Inter: glyphs, widths and line breaking.

use ab_glyph::{Font as _, FontRef, GlyphId};

use super::Error;

const REGULAR: &[u8] = include_bytes!("../../../assets/fonts/Inter-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../../assets/fonts/Inter-Bold.ttf");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    /// For names, codes and addresses.
    Bold,
}

/// One of the two font faces.
pub(super) struct Face {
    pub bytes: &'static [u8],
    pub font: FontRef<'static>,
    units_per_em: f32,
}

pub(super) struct Fonts {
    regular: Face,
    bold: Face,
}

impl Fonts {
    /// Parses the fonts embedded in the binary.
    pub(super) fn load() -> Result<Self, Error> {
        Ok(Self { regular: Face::parse(REGULAR)?, bold: Face::parse(BOLD)? })
    }

    pub(super) fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }
}

impl Face {
    fn parse(bytes: &'static [u8]) -> Result<Self, Error> {
        let font = FontRef::try_from_slice(bytes).map_err(|_| Error::Picture)?;
        let units_per_em = font.units_per_em().ok_or(Error::Picture)?;
        Ok(Self { bytes, font, units_per_em })
    }

    /// Whether the face has a glyph for every letter of a text; symbols and emoji do not count.
    pub(super) fn spells(&self, text: &str) -> bool {
        text.chars().all(|c| !c.is_alphabetic() || self.font.glyph_id(c) != GlyphId(0))
    }

    /// Replaces characters without a glyph: letters are transliterated to Latin, everything else is dropped.
    pub(super) fn printable(&self, text: &str) -> String {
        let has = |c: char| self.font.glyph_id(c) != GlyphId(0);
        let mut clean = String::new();
        for c in text.chars() {
            match c {
                c if c.is_whitespace() => clean.push(' '),
                c if c.is_control() => {}
                c if has(c) => clean.push(c),
                c => {
                    let unknown = if c.is_alphabetic() { "?" } else { "" };
                    let latin = deunicode::deunicode_char(c).unwrap_or(unknown);
                    clean.extend(latin.chars().filter(|c| has(*c)));
                }
            }
        }
        clean
    }

    /// Advance width of a glyph, in thousandths of the font size.
    pub(super) fn advance(&self, glyph: GlyphId) -> f32 {
        self.font.h_advance_unscaled(glyph) * 1000.0 / self.units_per_em
    }

    /// Width of a line, in units of `size`.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.advance(self.font.glyph_id(c))).sum::<f32>() * size / 1000.0
    }

    /// Breaks a text into lines no wider than `room`; a single word that is wider is split.
    pub(super) fn wrap(&self, text: &str, size: f32, room: f32) -> Vec<String> {
        let words = text.split_whitespace().flat_map(|word| self.pieces(word, size, room));
        self.join(words, " ", size, room)
    }

    /// Breaks an address into lines, preferably after a dot, a hyphen or a slash.
    pub(super) fn wrap_address(&self, text: &str, size: f32, room: f32) -> Vec<String> {
        let parts = text.split_inclusive(['.', '-', '/']).flat_map(|part| self.pieces(part, size, room));
        self.join(parts, "", size, room)
    }

    fn join(&self, parts: impl Iterator<Item = String>, glue: &str, size: f32, room: f32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for part in parts {
            match lines.last_mut() {
                Some(line) if self.width(&format!("{line}{glue}{part}"), size) <= room => {
                    line.push_str(glue);
                    line.push_str(&part);
                }
                _ => lines.push(part),
            }
        }
        lines
    }

    fn pieces(&self, word: &str, size: f32, room: f32) -> Vec<String> {
        let mut pieces = vec![String::new()];
        for c in word.chars() {
            if let Some(piece) = pieces.last_mut()
                && (piece.is_empty() || self.width(&format!("{piece}{c}"), size) <= room)
            {
                piece.push(c);
                continue;
            }
            pieces.push(c.to_string());
        }
        pieces
    }

    /// The largest of `sizes` at which the text fits into `most` lines, and those lines; at the smallest
    /// size, text that does not fit is cut with an ellipsis.
    pub(super) fn fit(&self, text: &str, sizes: &[f32], room: f32, most: usize) -> (f32, Vec<String>) {
        let smallest = sizes.last().copied().unwrap_or(12.0);
        for size in sizes {
            let lines = self.wrap(text, *size, room);
            if lines.len() <= most {
                return (*size, lines);
            }
        }
        let mut lines = self.wrap(text, smallest, room);
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            while !last.is_empty() && self.width(&format!("{last}…"), smallest) > room {
                last.pop();
            }
            last.push('…');
        }
        (smallest, lines)
    }
}
