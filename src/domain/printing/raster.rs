//! Paints a canvas as a picture with `tiny-skia`.

use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, MetadataProvider as _};
use tiny_skia::{Color, FillRule, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform};

use super::canvas::{Canvas, Item, Placed, Rgb};
use super::pdf::EMBOLDENED;
use super::typeset::Run;
use super::{Error, qr};

/// Paints the canvas on a ground of one color, and encodes it as PNG.
pub(super) fn png(canvas: &Canvas, (width, height): (u16, u16), ground: Rgb) -> Result<Vec<u8>, Error> {
    let mut pixels = Pixmap::new(width.into(), height.into()).ok_or(Error::Picture)?;
    let (r, g, b) = ground;
    pixels.fill(Color::from_rgba8(r, g, b, u8::MAX));
    for item in canvas.items() {
        match item {
            Item::Text { style, lines } => {
                lines.iter().try_for_each(|line| text(&mut pixels, style.ink, line))?;
            }
            Item::Shape { ink, areas, .. } => {
                let rects = areas.iter().filter_map(|(x, y, w, h)| Rect::from_xywh(*x, *y, *w, *h));
                rects.for_each(|rect| pixels.fill_rect(rect, &paint(*ink), Transform::identity(), None));
            }
            // Only paper is cut and folded.
            Item::Cut { .. } | Item::UpsideDown(_) => {}
        }
    }
    let colors: Vec<u8> = pixels.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    qr::encode_png(width.into(), height.into(), png::ColorType::Rgb, &colors)
}

fn text(pixels: &mut Pixmap, ink: Rgb, placed: &Placed) -> Result<(), Error> {
    for run in &placed.line.runs {
        let Some(path) = outlines(run)? else { continue };
        let at = Transform::from_translate(placed.x + run.x, placed.y);
        pixels.fill_path(&path, &paint(ink), FillRule::Winding, at, None);
        if run.is_emboldened {
            let stroke = Stroke { width: run.size * EMBOLDENED, ..Stroke::default() };
            pixels.stroke_path(&path, &paint(ink), &stroke, at, None);
        }
    }
    Ok(())
}

/// The outlines of a run's glyphs; `None` if it has only spaces.
fn outlines(run: &Run) -> Result<Option<Path>, Error> {
    let font = FontRef::from_index(run.font.data.as_ref(), run.font.index).map_err(|_| Error::Picture)?;
    let glyphs = font.outline_glyphs();
    let mut pen = Pen { path: PathBuilder::new(), x: 0.0, y: 0.0 };
    let mut x = 0.0;
    for glyph in &run.glyphs {
        (pen.x, pen.y) = (x + glyph.x_offset * run.size, glyph.y_offset * run.size);
        let size = DrawSettings::unhinted(Size::new(run.size), LocationRef::default());
        if let Some(outline) = glyphs.get(glyph.glyph_id.to_u32().into()) {
            outline.draw(size, &mut pen).map_err(|_| Error::Picture)?;
        }
        x += glyph.x_advance * run.size;
    }
    Ok(pen.path.finish())
}

fn paint((r, g, b): Rgb) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, u8::MAX);
    paint
}

/// Draws a glyph at its place. Fonts count upwards, pictures downwards.
struct Pen {
    path: PathBuilder,
    x: f32,
    y: f32,
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, -self.y - y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, -self.y - y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + cx, -self.y - cy, self.x + x, -self.y - y);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        let (left, base) = (self.x, -self.y);
        self.path.cubic_to(left + cx0, base - cy0, left + cx1, base - cy1, left + x, base - y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
