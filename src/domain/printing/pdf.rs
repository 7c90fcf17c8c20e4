//! Writes a canvas as a PDF file of one page with `krilla`: fonts embedded with only the glyphs in use,
//! text that can be searched, copied and read aloud, and no date or random id, so that the same sheet gives
//! the same bytes.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point, Rect, Transform};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, Node, SpanTag, Tag, TagGroup, TagKind, TagTree};
use krilla::text::Font;
use krilla::{Data, Document};
use parley::FontData;

use super::Error;
use super::canvas::{Area, Canvas, Item, Placed, RULE, Rgb, Style};
use super::typeset::Run;

/// Width of the line around the letters of a face without a bold one, in units of the size.
pub(super) const EMBOLDENED: f32 = 0.035;

/// Writes the file; `size` is in points.
pub(super) fn file(canvas: &Canvas, size: (f32, f32), title: &str, language: &str) -> Result<Vec<u8>, Error> {
    let mut document = Document::new();
    let mut page = document.start_page_with(PageSettings::from_wh(size.0, size.1).ok_or(Error::Picture)?);
    let mut surface = page.surface();
    let mut painter = Painter { fonts: BTreeMap::new(), tags: Vec::new(), size };
    painter.items(&mut surface, canvas.items())?;
    surface.finish();
    page.finish();
    let mut tags = TagTree::from(painter.tags);
    tags.lang = Some(language.to_owned());
    document.set_tag_tree(tags);
    let about = Metadata::new().title(title.to_owned()).language(language.to_owned());
    document.set_metadata(about.producer("Practice Links".to_owned()));
    document.finish().map_err(|_| Error::Picture)
}

struct Painter {
    /// The faces in use, by the id of their file.
    fonts: BTreeMap<u64, Font>,
    /// The structure of the page, for screen readers.
    tags: Vec<Node>,
    size: (f32, f32),
}

impl Painter {
    fn items(&mut self, surface: &mut Surface<'_>, items: &[Item]) -> Result<(), Error> {
        for item in items {
            match item {
                Item::Text { style, lines } => self.text(surface, *style, lines)?,
                Item::Shape { ink, areas, meaning } => self.shape(surface, *ink, areas, meaning.as_ref()),
                Item::Cut { from, to } => cut(surface, *from, *to),
                Item::UpsideDown(items) => {
                    let (width, height) = self.size;
                    surface.push_transform(&Transform::from_row(-1.0, 0.0, 0.0, -1.0, width, height));
                    let turned = self.items(surface, items);
                    surface.pop();
                    turned?;
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, surface: &mut Surface<'_>, style: Style, lines: &[Placed]) -> Result<(), Error> {
        // The first text of every page is its title.
        let level = NonZeroU16::new(1).filter(|_| self.tags.is_empty());
        let kind = level.map_or(TagKind::from(Tag::P), |level| Tag::Hn(level, None).into());
        let mut group = TagGroup::new(kind);
        for placed in lines {
            group.push(surface.start_tagged(ContentTag::Span(SpanTag::empty())));
            for run in &placed.line.runs {
                let font = self.font(&run.font)?;
                surface.set_fill(Some(fill(style.ink)));
                surface.set_stroke(run.is_emboldened.then(|| outline(style.ink, run)));
                let start = Point::from_xy(placed.x + run.x, placed.y);
                // Marks are painted as shapes: their letters are the text.
                surface.draw_glyphs(start, &run.glyphs, font, &placed.line.text, run.size, run.are_marks);
            }
            surface.end_tagged();
        }
        self.tags.push(group.into());
        Ok(())
    }

    fn font(&mut self, data: &FontData) -> Result<Font, Error> {
        let (file, id) = data.data.clone().into_raw_parts();
        if let Some(font) = self.fonts.get(&id) {
            return Ok(font.clone());
        }
        let font = Font::new(Data::from(file), data.index).ok_or(Error::Picture)?;
        self.fonts.insert(id, font.clone());
        Ok(font)
    }

    fn shape(&mut self, surface: &mut Surface<'_>, ink: Rgb, areas: &[Area], meaning: Option<&String>) {
        let tag = meaning.map_or(decoration(), |_| ContentTag::Other);
        let id = surface.start_tagged(tag);
        surface.set_fill(Some(fill(ink)));
        surface.set_stroke(None);
        if let Some(path) = path(areas) {
            surface.draw_path(&path);
        }
        surface.end_tagged();
        let figure =
            meaning.map(|text| TagGroup::with_children(Tag::Figure(Some(text.clone())), vec![id.into()]));
        self.tags.extend(figure.map(Node::from));
    }
}

fn path(areas: &[Area]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (x, y, width, height) in areas {
        path.push_rect(Rect::from_xywh(*x, *y, *width, *height)?);
    }
    path.finish()
}

fn cut(surface: &mut Surface<'_>, from: (f32, f32), to: (f32, f32)) {
    let mut path = PathBuilder::new();
    path.move_to(from.0, from.1);
    path.line_to(to.0, to.1);
    surface.start_tagged(decoration());
    surface.set_fill(None);
    let dash = Some(StrokeDash { array: vec![3.0, 3.0], offset: 0.0 });
    surface.set_stroke(Some(Stroke { paint: color(RULE).into(), width: 0.5, dash, ..Stroke::default() }));
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
    surface.end_tagged();
}

fn decoration() -> ContentTag<'static> {
    ContentTag::Artifact(Artifact::with_kind(ArtifactType::Other))
}

fn color((r, g, b): Rgb) -> rgb::Color {
    rgb::Color::new(r, g, b)
}

fn fill(ink: Rgb) -> Fill {
    Fill { paint: color(ink).into(), ..Fill::default() }
}

fn outline(ink: Rgb, run: &Run) -> Stroke {
    Stroke { paint: color(ink).into(), width: run.size * EMBOLDENED, ..Stroke::default() }
}
