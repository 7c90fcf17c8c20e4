//! The supported languages: English and Spanish.

crate::text_enum! {
    /// A supported language, `en` or `es`.
    pub enum Language (default En) {
        En = "en",
        Es = "es",
    }
}

impl Language {
    /// The language of one BCP 47 tag such as `es-MX`, if it is supported.
    pub fn from_tag(tag: &str) -> Option<Self> {
        tag.trim().split(['-', '_']).next()?.to_ascii_lowercase().parse().ok()
    }

    /// The best supported language for an `Accept-Language` header (RFC 9110 12.5.4): highest quality
    /// first, ties in the order given.
    pub fn negotiate(header: &str) -> Option<Self> {
        let mut wishes: Vec<(f32, Self)> = header.split(',').filter_map(wish).collect();
        wishes.sort_by(|a, b| b.0.total_cmp(&a.0));
        wishes.first().map(|(_, language)| *language)
    }
}

fn wish(item: &str) -> Option<(f32, Language)> {
    let (tag, parameters) = item.split_once(';').unwrap_or((item, ""));
    let quality = match parameters.trim().strip_prefix("q=") {
        Some(number) => number.trim().parse::<f32>().ok()?,
        None => 1.0,
    };
    let language = Language::from_tag(tag)?;
    (quality > 0.0).then_some((quality, language))
}
