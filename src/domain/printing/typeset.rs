//! Sets text in lines of glyphs, for PDFs and pictures alike: shaping, bidirectional order, line breaks and a face
//! for each letter come from `parley`. Weighed and not taken: our own loop over a shaper (`rustybuzz`),
//! `unicode-bidi` and `icu_segmenter`, which is what `parley` is; and `cosmic-text`, which is made for editors
//! and brings a font database.

use std::ops::Range;
use std::sync::Arc;

use icu_segmenter::GraphemeClusterSegmenter;
use krilla::text::{GlyphId, KrillaGlyph};
use parley::style::{FontWeight, OverflowWrap, StyleProperty};
use parley::{FontContext, FontData, LayoutContext};
use skrifa::{FontRef, MetadataProvider as _};

use super::fonts::{self, Weight};
use super::han;

/// Allows a line break where it stands, and is not drawn.
const BREAK: char = '\u{200b}';
/// Makes a text that begins with it run from left to right, and is not drawn.
const LEFT_TO_RIGHT: char = '\u{200e}';

/// The weight of a text, and its size in points or pixels.
pub(super) type Font = (Weight, f32);

/// Glyphs of one face, from left to right.
pub(super) struct Run {
    pub font: FontData,
    /// The face has no bold: a line around each letter makes up for it.
    pub is_emboldened: bool,
    /// Marks above and below letters, whose text the letters have.
    pub are_marks: bool,
    pub size: f32,
    /// Distance from the left end of the line.
    pub x: f32,
    /// Lengths in units of the size.
    pub glyphs: Vec<KrillaGlyph>,
}

/// One line of a text.
pub(super) struct Line {
    /// The whole text that the line is part of; the glyphs refer to it.
    pub text: Arc<str>,
    pub runs: Vec<Run>,
    pub width: f32,
    /// Whether the text runs from right to left.
    pub is_rtl: bool,
}

/// Sets texts; it keeps the faces that were in use.
pub(super) struct Typesetter {
    fonts: FontContext,
    layouts: LayoutContext<()>,
}

impl Typesetter {
    pub(super) fn new() -> Self {
        Self { fonts: fonts::context(), layouts: LayoutContext::new() }
    }

    /// Breaks a text into lines no wider than `room`; a single word that is wider is split. Of an empty text
    /// there are none.
    pub(super) fn wrap(&mut self, (weight, size): Font, text: &str, room: f32) -> Vec<Line> {
        if text.is_empty() {
            return Vec::new();
        }
        let text: Arc<str> = text.into();
        let mut builder = self.layouts.ranged_builder(&mut self.fonts, &text, 1.0, false);
        builder.push_default(fonts::families());
        builder.push_default(StyleProperty::FontSize(size));
        builder.push_default(StyleProperty::FontWeight(match weight {
            Weight::Regular => FontWeight::NORMAL,
            Weight::Bold => FontWeight::BOLD,
        }));
        builder.push_default(StyleProperty::Locale(han::language(&text).and_then(|tag| tag.parse().ok())));
        builder.push_default(StyleProperty::OverflowWrap(OverflowWrap::Anywhere));
        let mut layout = builder.build(&text);
        layout.break_all_lines(Some(room));
        layout.lines().map(|line| line_of(&text, &line, layout.is_rtl())).collect()
    }

    /// Breaks an address into lines, preferably after a dot, a hyphen or a slash.
    pub(super) fn wrap_address(&mut self, font: Font, address: &str, room: f32) -> Vec<Line> {
        let parts: Vec<&str> = address.split_inclusive(['.', '-', '/']).collect();
        self.wrap(font, &parts.join(&BREAK.to_string()), room)
    }

    /// Breaks a text whose sentences run from left to right, whatever the names in them do.
    pub(super) fn wrap_left_to_right(&mut self, font: Font, text: &str, room: f32) -> Vec<Line> {
        match text.is_empty() {
            true => Vec::new(),
            false => self.wrap(font, &format!("{LEFT_TO_RIGHT}{text}"), room),
        }
    }

    /// Sets a text on one line, however wide.
    pub(super) fn line(&mut self, font: Font, text: &str) -> Option<Line> {
        self.wrap(font, text, f32::MAX).into_iter().next()
    }

    pub(super) fn width(&mut self, font: Font, text: &str) -> f32 {
        self.line(font, text).map_or(0.0, |line| line.width)
    }

    /// The largest of `sizes` at which the text fits into `most` lines, and those lines; at the smallest
    /// size, text that does not fit is cut with an ellipsis.
    pub(super) fn fit(
        &mut self,
        weight: Weight,
        (text, sizes, most): (&str, &[f32], usize),
        room: f32,
    ) -> (f32, Vec<Line>) {
        let mut smallest = 12.0;
        for size in sizes {
            let lines = self.wrap((weight, *size), text, room);
            if lines.len() <= most {
                return (*size, lines);
            }
            smallest = *size;
        }
        (smallest, self.shortened((weight, smallest), text, room, most))
    }

    /// As many whole characters as fit into `most` lines with an ellipsis behind them.
    fn shortened(&mut self, font: Font, text: &str, room: f32, most: usize) -> Vec<Line> {
        let ends: Vec<usize> = GraphemeClusterSegmenter::new().segment_str(text).collect();
        let cut = |end: &usize| format!("{}…", text.get(..*end).unwrap_or_default().trim_end());
        let fitting = ends.partition_point(|end| self.wrap(font, &cut(end), room).len() <= most);
        self.wrap(font, &cut(ends.get(fitting.saturating_sub(1)).unwrap_or(&0)), room)
    }
}

/// Takes the glyphs of a line from the layout, without the space at which it breaks.
fn line_of(text: &Arc<str>, line: &parley::Line<'_, ()>, is_rtl: bool) -> Line {
    let range = line.text_range();
    let end = range.start + text.get(range).unwrap_or_default().trim_end().len();
    let (mut runs, mut width) = (Vec::new(), 0.0);
    for run in line.runs() {
        let (mut letters, mut marks, mut pen) = (Vec::new(), Vec::new(), 0.0);
        for cluster in clusters(&run).into_iter().filter(|cluster| cluster.is_drawn(text, end)) {
            let (bases, above) = cluster.split();
            marks.extend(above.into_iter().map(|mark| KrillaGlyph { x_offset: mark.x_offset + pen, ..mark }));
            pen += bases.iter().map(|glyph| glyph.x_advance).sum::<f32>();
            letters.extend(if run.is_rtl() { spelled(bases, run.font(), text) } else { bases });
        }
        let (size, is_emboldened) = (run.font_size(), run.synthesis().embolden());
        for (glyphs, are_marks) in [(letters, false), (marks, true)] {
            runs.push(Run { font: run.font().clone(), is_emboldened, are_marks, size, x: width, glyphs });
        }
        width += pen * size;
    }
    runs.retain(|run| !run.glyphs.is_empty());
    Line { text: Arc::clone(text), runs, width, is_rtl }
}

/// Glyphs that belong together, and the letters that they stand for.
struct Cluster {
    range: Range<usize>,
    /// Without glyph 0, the empty box for what a face lacks. Letters without a face were transliterated before, so
    /// that only a stray mark could come out as one.
    glyphs: Vec<KrillaGlyph>,
}

fn clusters(run: &parley::Run<'_, ()>) -> Vec<Cluster> {
    let size = run.font_size();
    let mut clusters: Vec<Cluster> = Vec::new();
    for cluster in run.visual_clusters() {
        let range = cluster.text_range();
        match clusters.last_mut() {
            // The letters of a ligature follow its glyph, also from right to left.
            Some(Cluster { range: whole, .. }) if cluster.is_ligature_continuation() => {
                *whole = whole.start.min(range.start)..whole.end.max(range.end);
            }
            _ => {
                let glyphs = cluster.glyphs().filter(|glyph| glyph.id != 0);
                // The layout counts downwards, the PDF upwards.
                let glyphs = glyphs.map(|glyph| {
                    let (id, advance) = (GlyphId::new(glyph.id), glyph.advance / size);
                    KrillaGlyph::new(id, advance, glyph.x / size, -glyph.y / size, 0.0, 0..0, None)
                });
                clusters.push(Cluster { range, glyphs: glyphs.collect() });
            }
        }
    }
    clusters
}

impl Cluster {
    fn is_drawn(&self, text: &str, end: usize) -> bool {
        let letter = text.get(self.range.clone()).and_then(|letters| letters.chars().next());
        self.range.start < end && letter.is_some_and(|letter| ![BREAK, LEFT_TO_RIGHT].contains(&letter))
    }

    /// Separates the marks above and below from the glyphs that have a width. PDF readers see a space or a new line
    /// where a mark interrupts a word, so marks are no text there, and all letters belong to the other glyphs.
    fn split(self) -> (Vec<KrillaGlyph>, Vec<KrillaGlyph>) {
        let (mut bases, mut marks, mut pen) = (Vec::new(), Vec::new(), 0.0);
        for glyph in self.glyphs {
            let advance = glyph.x_advance;
            match advance.abs() < f32::EPSILON {
                true => marks.push(KrillaGlyph { x_offset: glyph.x_offset + pen, ..glyph }),
                false => bases.push(KrillaGlyph { text_range: self.range.clone(), ..glyph }),
            }
            pen += advance;
        }
        match bases.is_empty() {
            false => (bases, marks),
            true => {
                let lone = |mark| KrillaGlyph { text_range: self.range.clone(), ..mark };
                (marks.into_iter().map(lone).collect(), Vec::new())
            }
        }
    }
}

/// PDF readers turn round the letters of a line that runs from right to left, and so those of a ligature too. So each
/// of its letters but the first gets an empty glyph of its own.
fn spelled(mut glyphs: Vec<KrillaGlyph>, font: &FontData, text: &str) -> Vec<KrillaGlyph> {
    let ([ligature], Some(empty)) = (glyphs.as_mut_slice(), empty(font)) else { return glyphs };
    let whole = ligature.text_range.clone();
    let letters = text.get(whole.clone()).unwrap_or_default().char_indices();
    let mut letters =
        letters.map(|(at, letter)| whole.start + at..whole.start + at + letter.len_utf8()).collect::<Vec<_>>();
    if letters.len() > 1 {
        ligature.text_range = letters.remove(0);
        let letter = |range| KrillaGlyph::new(empty, 0.0, 0.0, 0.0, 0.0, range, None);
        glyphs.splice(0..0, letters.into_iter().rev().map(letter));
    }
    glyphs
}

/// A glyph that draws nothing: that of the zero-width non-joiner.
fn empty(font: &FontData) -> Option<GlyphId> {
    let font = FontRef::from_index(font.data.as_ref(), font.index).ok()?;
    font.charmap().map('\u{200c}').map(|id| GlyphId::new(id.to_u32()))
}
