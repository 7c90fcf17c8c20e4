//! The font faces in the binary. Inter sets Latin, Greek and Cyrillic; Noto sets the other scripts, cut
//! down to the letters that names are written with (`assets/fonts/README.md`). Nothing is parsed before the
//! first text is set.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use parley::FontContext;
use parley::fontique::{Blob, Collection, CollectionOptions, FontInfoOverride};
use parley::style::{FontFamily, FontFamilyName};
use skrifa::charmap::Charmap;
use skrifa::{FontRef, MetadataProvider as _};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    /// For names, codes and addresses.
    Bold,
}

/// The files of one script.
struct Family {
    name: &'static str,
    regular: &'static [u8],
    /// Where there is none, letters get bold by a line around them.
    bold: Option<&'static [u8]>,
}

macro_rules! noto {
    ($script:literal) => {
        Family {
            name: concat!("Noto Sans ", $script),
            regular: include_bytes!(concat!("../../../assets/fonts/noto/NotoSans", $script, "-Regular.ttf")),
            bold: Some(include_bytes!(concat!("../../../assets/fonts/noto/NotoSans", $script, "-Bold.ttf"))),
        }
    };
}

/// In the order in which they are asked for a letter.
static FAMILIES: [Family; 21] = [
    Family {
        name: "Inter",
        regular: include_bytes!("../../../assets/fonts/Inter-Regular.ttf"),
        bold: Some(include_bytes!("../../../assets/fonts/Inter-Bold.ttf")),
    },
    noto!("Arabic"),
    noto!("Hebrew"),
    noto!("Devanagari"),
    noto!("Bengali"),
    noto!("Gurmukhi"),
    noto!("Gujarati"),
    noto!("Tamil"),
    noto!("Telugu"),
    noto!("Kannada"),
    noto!("Malayalam"),
    noto!("Thai"),
    noto!("Lao"),
    noto!("Khmer"),
    noto!("Myanmar"),
    noto!("Armenian"),
    noto!("Georgian"),
    noto!("Ethiopic"),
    noto!("Cherokee"),
    noto!("CanadianAboriginal"),
    // One weight: a second one would add six megabytes to every binary.
    Family {
        name: "Noto Sans CJK",
        regular: include_bytes!("../../../assets/fonts/noto/NotoSansCJK-Regular.otf"),
        bold: None,
    },
];

/// All faces, ready for text layout; a clone shares the files.
pub(super) fn context() -> FontContext {
    static CONTEXT: LazyLock<FontContext> = LazyLock::new(|| {
        let mut collection = Collection::new(CollectionOptions { shared: false, system_fonts: false });
        for family in &FAMILIES {
            for file in [Some(family.regular), family.bold].into_iter().flatten() {
                let name = FontInfoOverride { family_name: Some(family.name), ..FontInfoOverride::default() };
                collection.register_fonts(Blob::new(Arc::new(file)), Some(name));
            }
        }
        FontContext { collection, ..FontContext::default() }
    });
    CONTEXT.clone()
}

/// The families that a text may use.
pub(super) fn families() -> FontFamily<'static> {
    static NAMES: LazyLock<Vec<FontFamilyName<'static>>> =
        LazyLock::new(|| FAMILIES.iter().map(|family| FontFamilyName::named(family.name)).collect());
    FontFamily::List(Cow::Borrowed(NAMES.as_slice()))
}

/// Whether a face has a glyph for `letter`.
pub(super) fn has(letter: char) -> bool {
    static LETTERS: LazyLock<Vec<Charmap<'static>>> = LazyLock::new(|| {
        let fonts = FAMILIES.iter().filter_map(|family| FontRef::new(family.regular).ok());
        fonts.map(|font| font.charmap()).collect()
    });
    LETTERS.iter().any(|letters| letters.map(letter).is_some())
}
