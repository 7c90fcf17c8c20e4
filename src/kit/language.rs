//! The supported languages.

/// One file of a language's translations, as text in the binary.
macro_rules! translations {
    ($tag:literal: $($subject:literal)+) => {
        &[$(include_str!(concat!("../../assets/locales/", $tag, "/", $subject, ".ftl"))),+]
    };
}

/// Declares the languages. Another one is a row here, a folder `assets/locales/TAG`, and nothing else.
macro_rules! languages {
    ($($name:ident = $tag:literal),+ $(,)?) => {
        $crate::text_enum! {
            /// A supported language, as a BCP 47 tag.
            pub enum Language (default En) {
                $($name = $tag),+
            }
        }

        impl Language {
            /// The language's Fluent files, one per subject.
            pub(super) fn translations(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => translations! { $tag:
                        "account" "audit" "console" "conversation" "headings" "identity" "inbox"
                        "invites" "landing" "language" "links" "mail" "notifications" "practice" "print"
                        "proof" "records" "settings" "sign-in" "sms" "staff" "unsubscribe" "visitors"
                        "webhooks"
                    }),+
                }
            }
        }
    };
}

languages! {
    En = "en",
    Es = "es",
    FrCa = "fr-CA",
}

impl Language {
    /// The supported language of one BCP 47 tag such as `es-MX`. The region is ignored: French of France is
    /// better served by that of Canada than by English.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let wanted = primary(tag.trim());
        <Self as strum::VariantArray>::VARIANTS
            .iter()
            .copied()
            .find(|language| primary(language.as_str()).eq_ignore_ascii_case(wanted))
    }

    /// The best supported language for an `Accept-Language` header (RFC 9110 12.5.4): highest quality
    /// first, ties in the order given. Twenty lines of our own: `accept-language` and `fluent-langneg`
    /// offer a language that the header refuses (`es;q=0`), and actix's header is not for this layer.
    pub fn negotiate(header: &str) -> Option<Self> {
        let mut wishes: Vec<(f32, Self)> = header.split(',').filter_map(wish).collect();
        wishes.sort_by(|a, b| b.0.total_cmp(&a.0));
        wishes.first().map(|(_, language)| *language)
    }
}

/// The primary subtag: `es` of `es-MX`.
fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or_default()
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
