//! Sets text in lines of glyphs, for PDFs and pictures alike: shaping, bidirectional order and a face for
//! each letter come from `parley`. Weighed and not taken: our own loop over a shaper, `unicode-bidi` and
//! the faces, which is what `parley` is; and `cosmic-text`, which is made for editors and brings a font
//! database. Where a line ends is decided here, because `parley` 0.10 measures a ligature in the first face
//! of a line only (it looks its letters up from the start of the text), so that lines of Devanagari or
//! Burmese come out too wide.

use std::ops::Range;
use std::sync::Arc;

use icu_segmenter::options::LineBreakOptions;
use icu_segmenter::{GraphemeClusterSegmenter, LineSegmenter};
use krilla::text::{GlyphId, KrillaGlyph};
use parley::style::{FontWeight, StyleProperty};
use parley::{FontContext, FontData, Layout, LayoutContext};
use skrifa::{FontRef, MetadataProvider as _};

use super::fonts::{self, Weight};
use super::han;

/// Allows a line break where it stands, and is not drawn.
const BREAK: char = '\u{200b}';
/// Makes a text that begins with it run from left to right, and is not drawn.
const LEFT_TO_RIGHT: char = '\u{200e}';

/// How far Latin letters reach below the baseline, in units of the size.
const LATIN_DEPTH: f32 = 0.25;
/// The most space that a line gets for letters that reach further; some faces claim more than their letters
/// use.
const MOST_DEPTH: f32 = 0.4;

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
    /// How much further its letters reach down than Latin ones, as those of Tamil or Burmese do.
    pub depth: f32,
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
        let mut layout = builder.build(&text);
        layout.break_all_lines(None);
        let ends = line_ends(&layout, &text, room);
        let mut lines = layout.break_lines();
        for (start, end) in std::iter::once(&0).chain(&ends).zip(&ends) {
            let letters = text.get(*start..*end).unwrap_or_default().chars().count();
            lines.break_next_with_length(u32::try_from(letters).unwrap_or(u32::MAX));
        }
        lines.finish();
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

/// Where each line ends: at the last opportunity that fits, also between the words of scripts without
/// spaces; a word that is wider than a line is split between two characters.
fn line_ends(layout: &Layout<()>, text: &str, room: f32) -> Vec<usize> {
    let before = advances(layout, text);
    let at = |end: usize| before.get(end).copied().unwrap_or_default();
    let fits = |start: usize, end: usize| {
        let visible = start + text.get(start..end).unwrap_or_default().trim_end().len();
        at(visible) - at(start) <= room
    };
    let characters: Vec<usize> = GraphemeClusterSegmenter::new().segment_str(text).collect();
    let (mut ends, mut start, mut last) = (Vec::new(), 0, 0);
    for end in LineSegmenter::new_dictionary(LineBreakOptions::default()).segment_str(text).skip(1) {
        if !is_word_end(text, end) {
            continue;
        }
        if last > start && !fits(start, end) {
            ends.push(last);
            start = last;
        }
        while !fits(start, end) {
            let inside = characters.iter().copied().filter(|cut| (start + 1..end).contains(cut));
            let (fitting, wider): (Vec<usize>, Vec<usize>) = inside.partition(|cut| fits(start, *cut));
            let Some(cut) = fitting.last().or(wider.first()) else { break };
            ends.push(*cut);
            start = *cut;
        }
        last = end;
    }
    ends.push(text.len());
    ends
}

/// Digests, numbers and addresses are not broken at their hyphens, so that they can be copied whole.
fn is_word_end(text: &str, end: usize) -> bool {
    let before = text.get(..end).and_then(|before| before.chars().next_back());
    end == text.len() || before.is_some_and(|c| c.is_whitespace() || !c.is_ascii())
}

/// For each byte of the text, the width of what stands before it.
fn advances(layout: &Layout<()>, text: &str) -> Vec<f32> {
    let mut widths = vec![0.0; text.len() + 1];
    for line in layout.lines() {
        for run in line.runs() {
            for cluster in run.clusters() {
                if let Some(width) = widths.get_mut(cluster.text_range().end) {
                    *width += cluster.advance();
                }
            }
        }
    }
    let mut sum = 0.0;
    for width in &mut widths {
        sum += *width;
        *width = sum;
    }
    widths
}

/// Takes the glyphs of a line from the layout, without the space at which it breaks.
fn line_of(text: &Arc<str>, line: &parley::Line<'_, ()>, is_rtl: bool) -> Line {
    let range = line.text_range();
    let end = range.start + text.get(range).unwrap_or_default().trim_end().len();
    let (mut runs, mut width, mut depth) = (Vec::new(), 0.0, 0.0_f32);
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
        depth = depth.max((run.metrics().descent - LATIN_DEPTH * size).clamp(0.0, MOST_DEPTH * size));
    }
    runs.retain(|run| !run.glyphs.is_empty());
    Line { text: Arc::clone(text), runs, width, depth, is_rtl }
}

/// Glyphs that belong together, and the letters that they stand for.
struct Cluster {
    range: Range<usize>,
    /// Without glyph 0, the empty box for what a face lacks. Letters without a face were transliterated
    /// before, so that only a stray mark could come out as one.
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

    /// Separates the marks above and below from the glyphs that have a width. PDF readers see a space or a
    /// new line where a mark interrupts a word, so marks are no text there, and all letters belong to the
    /// other glyphs.
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
        if bases.is_empty() {
            for mark in &mut marks {
                mark.text_range = self.range.clone();
            }
            return (marks, bases);
        }
        (bases, marks)
    }
}

/// PDF readers turn round the letters of a line that runs from right to left, and so those of a ligature
/// too. So each of its letters but the first gets an empty glyph of its own.
fn spelled(mut glyphs: Vec<KrillaGlyph>, font: &FontData, text: &str) -> Vec<KrillaGlyph> {
    let ([ligature], Some(empty)) = (glyphs.as_mut_slice(), empty(font)) else { return glyphs };
    let whole = ligature.text_range.clone();
    let letters = text.get(whole.clone()).unwrap_or_default().char_indices();
    let mut letters = letters
        .map(|(at, letter)| whole.start + at..whole.start + at + letter.len_utf8())
        .collect::<Vec<_>>();
    if letters.len() > 1 {
        ligature.text_range = letters.remove(0);
        let letter = |range| KrillaGlyph::new(empty, 0.0, 0.0, 0.0, 0.0, range, None);
        glyphs.splice(0..0, letters.into_iter().rev().map(letter));
    }
    glyphs
}

/// A glyph that draws nothing.
fn empty(font: &FontData) -> Option<GlyphId> {
    let font = FontRef::from_index(font.data.as_ref(), font.index).ok()?;
    font.charmap().map(' ').map(|id| GlyphId::new(id.to_u32()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 16] = [
        "Zoë Müller-Ñandú",
        "عيادة الأسنان",
        "ڈاکٹر محمد علی",
        "מרפאת שיניים כהן",
        "श्री कृष्ण दंत चिकित्सालय",
        "ঢাকা ডেন্টাল ক্লিনিক",
        "ਡਾਕਟਰ ਸਿੰਘ",
        "தமிழ் பல் மருத்துவமனை",
        "คลินิกทันตกรรมรอยยิ้ม",
        "ရန်ကုန် သွားဆေးခန်း",
        "Ատամնաբույժ",
        "სტომატოლოგი",
        "さくら歯科",
        "阳光牙科诊所",
        "서울 치과",
        "Clinic さくら عيادة 123",
    ];
    const FONT: Font = (Weight::Bold, 10.0);

    fn glyphs(text: &str) -> Vec<KrillaGlyph> {
        let line = Typesetter::new().line(FONT, text).unwrap();
        line.runs.into_iter().flat_map(|run| run.glyphs).collect()
    }

    fn ids(text: &str) -> Vec<u32> {
        glyphs(text).iter().map(|glyph| glyph.glyph_id.to_u32()).collect()
    }

    #[test]
    fn every_letter_of_a_name_in_any_script_has_a_glyph() {
        for name in NAMES {
            let found = glyphs(name);
            for (at, letter) in name.char_indices() {
                assert!(found.iter().any(|glyph| glyph.text_range.contains(&at)), "{letter} of {name}");
            }
            assert!(found.iter().all(|glyph| glyph.glyph_id.to_u32() != 0), "{name} has an empty box");
        }
    }

    #[test]
    fn letters_join_and_stack_as_their_script_wants() {
        let [alone, joined] = [ids("ب"), ids("ببب")];
        assert!(joined.iter().all(|id| !alone.contains(id)), "first, middle and last form");
        assert!(ids("क्ष").len() < "क्ष".chars().count(), "a conjunct");
    }

    #[test]
    fn a_character_has_the_form_of_its_language() {
        // The same character among Chinese, Taiwanese and Japanese ones.
        let forms = ["阳骨", "陽骨", "さ骨"].map(|text| ids(text).last().copied());
        assert!(forms[0] != forms[1] && forms[1] != forms[2] && forms[0] != forms[2], "{forms:?}");
    }

    #[test]
    fn a_text_from_right_to_left_begins_at_the_right() {
        let mut setter = Typesetter::new();
        let line = setter.line(FONT, "אבג").unwrap();
        let starts: Vec<usize> =
            line.runs.iter().flat_map(|run| &run.glyphs).map(|glyph| glyph.text_range.start).collect();
        assert_eq!((line.is_rtl, starts), (true, vec![4, 2, 0]));
        let mixed = setter.line(FONT, "Clinic אבג").unwrap();
        assert!(!mixed.is_rtl);
        let forced = setter.wrap_left_to_right(FONT, "אבג, Springfield", f32::MAX);
        assert!(forced.iter().all(|line| !line.is_rtl));
    }

    #[test]
    fn lines_break_between_words_and_fit() {
        let mut setter = Typesetter::new();
        for name in NAMES {
            let text = [name; 12].join(" ");
            let lines = setter.wrap(FONT, &text, 120.0);
            assert!(lines.len() > 3, "{name}");
            for line in lines {
                assert!(line.width <= 120.01, "{name}: a line is {} wide", line.width);
            }
        }
        let lines = setter.wrap(FONT, "number 1-a_b-c", setter_width("number 1-a_b"));
        assert_eq!(lines.iter().map(end_of).collect::<Vec<_>>(), ["number".len(), "number 1-a_b-c".len()]);
        // "Dental clinic" in Thai has no space; its two words are not torn apart.
        let lines = setter.wrap(FONT, "คลินิกทันตกรรม", setter_width("คลินิกทันต"));
        let ends: Vec<usize> = lines.iter().map(end_of).collect();
        assert_eq!(ends, ["คลินิก".len(), "คลินิกทันตกรรม".len()]);
    }

    fn setter_width(text: &str) -> f32 {
        Typesetter::new().width(FONT, text)
    }

    fn end_of(line: &Line) -> usize {
        line.runs.iter().flat_map(|run| &run.glyphs).map(|glyph| glyph.text_range.end).max().unwrap()
    }

    #[test]
    fn an_address_breaks_after_a_dot_and_shows_no_other_letters() {
        let lines = Typesetter::new().wrap_address(FONT, "links.practice.example/123456", 70.0);
        let text = |line: &Line| {
            let glyphs = line.runs.iter().flat_map(|run| &run.glyphs);
            glyphs.map(|glyph| &line.text[glyph.text_range.clone()]).collect::<String>()
        };
        let lines: Vec<String> = lines.iter().map(text).collect();
        assert_eq!(lines, ["links.practice.", "example/", "123456"]);
    }

    #[test]
    fn a_name_that_is_cut_ends_with_whole_characters() {
        let name = "ক্লিনিক ".repeat(40);
        let (size, lines) = Typesetter::new().fit(Weight::Bold, (&name, &[20.0, 12.0], 2), 200.0);
        assert_eq!((size, lines.len()), (12.0, 2));
        let text = &lines.last().unwrap().text;
        let cut = text.strip_suffix('…').unwrap();
        assert!(name.starts_with(cut), "{text}");
        let ends: Vec<usize> = GraphemeClusterSegmenter::new().segment_str(&name).collect();
        assert!(ends.contains(&cut.len()), "{text}");
    }
}
