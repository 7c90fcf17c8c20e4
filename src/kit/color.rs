//! Colors, and the accent color that a practice may set: text in it and on it stays readable (WCAG 2.2, 4.5
//! : 1), in light and in dark mode.

use std::fmt;

/// The contrast that text needs (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;
const WHITE: Color = Color(0xff, 0xff, 0xff);
const BLACK: Color = Color(0, 0, 0);
/// The backgrounds of an accent in `tokens.css`: `--bg` in light mode, `--surface` and `--bg` in dark.
const LIGHT: Color = Color(0xf4, 0xf6, 0xf5);
const DARK: Color = Color(0x18, 0x1f, 0x1d);
const DARKEST: Color = Color(0x0f, 0x14, 0x13);

/// A color in the sRGB color space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(u8, u8, u8);

impl Color {
    /// Parses a color written as `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        let number = is_hex.then(|| u32::from_str_radix(digits, 16).ok())??;
        let [_, r, g, b] = number.to_be_bytes();
        Some(Self(r, g, b))
    }

    /// The contrast ratio, from 1 (the same color) to 21 (black on white).
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance() + 0.05, other.luminance() + 0.05);
        if one > two { one / two } else { two / one }
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// This color mixed with `percent` of another one.
    fn mixed(self, other: Self, percent: u16) -> Self {
        let mix = |here: u8, there: u8| {
            let sum = u16::from(here) * (100 - percent) + u16::from(there) * percent;
            u8::try_from(sum / 100).unwrap_or(u8::MAX)
        };
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// The reason why a color is rejected as an accent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAccent {
    /// Not of the form `#rrggbb`.
    #[error("Enter a color like #0b6158.")]
    Unreadable,
    /// White text on it, or the color on the page, has too little contrast.
    #[error("White text on this color is hard to read. Choose a darker one (contrast at least 4.5 : 1).")]
    Faint,
}

/// A practice's accent color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent(Color);

impl Accent {
    /// Parses `#rrggbb`; white text on the color and the color on the page must be readable.
    pub fn parse(text: &str) -> Result<Self, BadAccent> {
        let color = Color::parse(text).ok_or(BadAccent::Unreadable)?;
        let least = color.contrast(WHITE).min(color.contrast(LIGHT));
        if least >= READABLE { Ok(Self(color)) } else { Err(BadAccent::Faint) }
    }

    /// CSS that overrides the default accent tokens for both modes, to be appended to `tokens.css`.
    pub fn tokens(self) -> String {
        let (light, dark) = (self.light(), self.dark());
        format!(
            ":root {{ {} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {} }} }}",
            light.css(),
            dark.css()
        )
    }

    fn light(self) -> Shades {
        Shades { accent: self.0, hover: self.0.mixed(BLACK, 25), soft: self.0.mixed(WHITE, 90), on: WHITE }
    }

    /// In dark mode the accent is lightened just enough to be readable.
    fn dark(self) -> Shades {
        let lighter = (0..=100).step_by(5).map(|percent| self.0.mixed(WHITE, percent));
        let accent = lighter.into_iter().find(|shade| shade.contrast(DARK) >= READABLE).unwrap_or(WHITE);
        Shades { accent, hover: accent.mixed(WHITE, 25), soft: accent.mixed(DARK, 85), on: DARKEST }
    }
}

impl fmt::Display for Accent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

struct Shades {
    accent: Color,
    hover: Color,
    soft: Color,
    on: Color,
}

impl Shades {
    fn css(&self) -> String {
        let Self { accent, hover, soft, on } = self;
        format!("--accent: {accent}; --accent-hover: {hover}; --accent-soft: {soft}; --on-accent: {on};")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_wcags() {
        assert!((WHITE.contrast(BLACK) - 21.0).abs() < 1e-9);
        let gray = Color::parse("#767676").unwrap();
        assert!((4.54..4.55).contains(&WHITE.contrast(gray)), "the well-known lightest gray on white");
    }

    #[test]
    fn an_unreadable_or_faint_color_is_no_accent() {
        for text in ["", "0b6158", "#0b615", "#0b61588", "#0b615g", "red", "#+b6158", "#0b61é"] {
            assert_eq!(Accent::parse(text), Err(BadAccent::Unreadable), "{text}");
        }
        for text in ["#ffd400", "#ffffff", "#8ab4f8"] {
            assert_eq!(Accent::parse(text), Err(BadAccent::Faint), "{text}");
        }
        assert_eq!(Accent::parse("#0B6158").map(|accent| accent.to_string()), Ok("#0b6158".into()));
    }

    #[test]
    fn every_accepted_accent_is_readable_in_both_modes() {
        let (text_light, text_dark) = (Color(0x15, 0x1c, 0x1a), Color(0xed, 0xf2, 0xf0));
        let steps = || (0..=255_u8).step_by(17);
        let mut taken = 0;
        for color in steps().flat_map(|r| steps().flat_map(move |g| steps().map(move |b| Color(r, g, b)))) {
            let Ok(accent) = Accent::parse(&color.to_string()) else { continue };
            taken += 1;
            for (shades, behind, text) in
                [(accent.light(), LIGHT, text_light), (accent.dark(), DARK, text_dark)]
            {
                for shade in [shades.accent, shades.hover] {
                    assert!(shade.contrast(shades.on) >= READABLE, "{accent}: on {shade}");
                    assert!(shade.contrast(behind) >= READABLE, "{accent}: {shade} on the page");
                }
                assert!(text.contrast(shades.soft) >= READABLE, "{accent}: text on {}", shades.soft);
            }
        }
        assert!(taken > 1_000, "{taken}");
    }
}
