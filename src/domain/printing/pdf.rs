//! Writes a drawn page as a PDF file (ISO 32000-1): one page, fonts embedded, without a date or random id,
//! so that the same sheet gives the same bytes.

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

use super::Error;
use super::canvas::{Canvas, GlyphSubset};
use super::font::{Face, Weight};

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const INFO: Ref = Ref::new(5);
/// Each font face uses five object ids from here.
const REGULAR: i32 = 10;
const BOLD: i32 = 20;

/// Writes the file; `size` is in points.
pub(super) fn file(canvas: Canvas, size: (f32, f32), title: &str, language: &str) -> Result<Vec<u8>, Error> {
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(PAGES).lang(TextStr(language));
    pdf.document_info(INFO).title(TextStr(title)).producer(TextStr("Practice Links"));
    pdf.pages(PAGES).kids([PAGE]).count(1);
    let mut page = pdf.page(PAGE);
    page.media_box(Rect::new(0.0, 0.0, size.0, size.1)).parent(PAGES).contents(CONTENT);
    let mut resources = page.resources();
    resources.fonts().pair(Name(b"R"), Ref::new(REGULAR)).pair(Name(b"B"), Ref::new(BOLD));
    resources.finish();
    page.finish();
    let Canvas { content, fonts, regular, bold, .. } = canvas;
    pdf.stream(CONTENT, &content.finish());
    embed(&mut pdf, REGULAR, b"AAAAAA+Inter-Regular", fonts.face(Weight::Regular), &regular)?;
    embed(&mut pdf, BOLD, b"AAAAAB+Inter-Bold", fonts.face(Weight::Bold), &bold)?;
    Ok(pdf.finish())
}

const SYSTEM: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// Embeds a face as a composite font with only the glyphs in use and their characters, so that text can
/// be searched and copied.
fn embed(pdf: &mut Pdf, first: i32, name: &[u8], face: &Face, used: &GlyphSubset) -> Result<(), Error> {
    let [font, cid, descriptor, meaning, data] = [0, 1, 2, 3, 4].map(|n| Ref::new(first + n));
    let subset = subsetter::subset(face.bytes, 0, &used.glyphs).map_err(|_| Error::Picture)?;
    pdf.type0_font(font)
        .base_font(Name(name))
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid)
        .to_unicode(meaning);
    let widths = used.glyphs.remapped_gids().map(|glyph| face.advance(ab_glyph::GlyphId(glyph)));
    let mut cid_font = pdf.cid_font(cid);
    cid_font
        .subtype(CidFontType::Type2)
        .base_font(Name(name))
        .system_info(SYSTEM)
        .font_descriptor(descriptor);
    cid_font.cid_to_gid_map_predefined(Name(b"Identity"));
    cid_font.widths().consecutive(0, widths);
    cid_font.finish();
    // Metrics in thousandths of the size; PDF readers use them only when they substitute the font.
    pdf.font_descriptor(descriptor)
        .name(Name(name))
        .flags(FontFlags::NON_SYMBOLIC)
        .bbox(Rect::new(-800.0, -300.0, 2500.0, 1100.0))
        .italic_angle(0.0)
        .ascent(969.0)
        .descent(-242.0)
        .cap_height(728.0)
        .stem_v(80.0)
        .font_file2(data);
    let mut cmap = UnicodeCmap::new(Name(b"Meaning"), SYSTEM);
    for (glyph, letter) in &used.meaning {
        cmap.pair(*glyph, *letter);
    }
    pdf.cmap(meaning, &cmap.finish());
    pdf.stream(data, &subset).pair(Name(b"Length1"), i32::try_from(subset.len()).unwrap_or(i32::MAX));
    Ok(())
}
