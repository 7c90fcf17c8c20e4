//! Chinese characters look different in China, Taiwan, Japan and Korea, though each has one code. A name
//! does not say where it is from, but often its characters do: kana are Japanese, Hangul is Korean, and the
//! simplified, traditional and Japanese forms are each in one national standard only. `encoding_rs`, which
//! reads uploads anyway, knows these standards. A name whose characters are in all of them is set as in
//! China.

use encoding_rs::{BIG5, GBK, SHIFT_JIS};
use icu_properties::props::{EnumeratedProperty as _, Script};

/// The tag by which the font picks the form of a character. The font layer looks only at the first part of
/// a tag, so that `zh-Hant` would come out simplified; Literary Chinese is always traditional.
pub(super) fn language(text: &str) -> Option<&'static str> {
    let has = |script| text.chars().any(|c| Script::for_char(c) == script);
    if has(Script::Hiragana) || has(Script::Katakana) {
        return Some("ja");
    }
    if has(Script::Hangul) {
        return Some("ko");
    }
    let han: String = text.chars().filter(|c| Script::for_char(*c) == Script::Han).collect();
    let is_traditional = || !BIG5.encode(&han).2;
    let is_japanese = || !SHIFT_JIS.encode(&han).2;
    match han.is_empty() {
        true => None,
        false if is_simplified(&han) => Some("zh"),
        false if is_traditional() => Some("lzh"),
        false if is_japanese() => Some("ja"),
        false => Some("zh"),
    }
}

/// Whether all characters are in GB 2312, the part of GBK without traditional forms.
fn is_simplified(han: &str) -> bool {
    let (bytes, _, has_others) = GBK.encode(han);
    !has_others && bytes.chunks(2).all(|pair| matches!(pair, [0xb0..=0xf7, 0xa1..=0xfe]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_characters_of_a_name_tell_its_language() {
        for (name, found) in [
            ("さくら歯科", Some("ja")),
            ("桜歯科", Some("ja")),
            ("서울 치과", Some("ko")),
            ("阳光牙科诊所", Some("zh")),
            ("陽光牙醫診所", Some("lzh")),
            ("王芳", Some("zh")),
            ("Elm Dental", None),
        ] {
            assert_eq!(language(name), found, "{name}");
        }
    }
}
