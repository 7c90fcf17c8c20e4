//! QR codes of links: capitals and digits only, so that the alphanumeric mode (ISO/IEC 18004, 7.3.4) keeps
//! them small. A short host needs 25 modules, at an error correction level that survives the loss of a
//! quarter of the code.

use std::fmt::Write as _;

use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};

use super::{Error, Sheet};

/// The quiet zone around a code required by ISO/IEC 18004 (9.1), in modules.
pub(super) const QUIET: usize = 4;
/// Versions up to this one scan easily at 30 mm; the longest allowed host needs far less.
const LARGEST: i16 = 10;
/// Minimum width of the PNG in pixels.
const PIXELS: usize = 1_000;

/// The dark and light modules of a QR code.
pub(super) struct Modules {
    /// Modules per side, without the quiet zone.
    pub width: usize,
    /// What the code says.
    pub text: String,
    dark: Vec<bool>,
}

impl Modules {
    /// Encodes the URL of a sheet's link.
    pub(super) fn of(sheet: &Sheet<'_>) -> Result<Self, Error> {
        let payload = format!("{}/Q/{}", sheet.public_url, sheet.code).to_ascii_uppercase();
        let code = (1..=LARGEST).find_map(|version| encode(&payload, version)).ok_or(Error::Address)?;
        Ok(Self::from_code(&code, payload))
    }

    /// Encodes any text for a screen, where nothing wears off, so error correction level M is enough.
    pub(super) fn of_text(text: &str) -> Result<Self, Error> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| Error::Address)?;
        Ok(Self::from_code(&code, text.to_owned()))
    }

    fn from_code(code: &QrCode, text: String) -> Self {
        let dark = code.to_colors().into_iter().map(|c| c == Color::Dark).collect();
        Self { width: code.width(), text, dark }
    }

    /// The dark modules, as column and row.
    pub(super) fn dark(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let squares = self.dark.iter().enumerate().filter(|(_, dark)| **dark);
        squares.map(|(at, _)| (at % self.width, at / self.width))
    }

    /// Modules per side, including the quiet zone.
    pub(super) fn full_width(&self) -> usize {
        self.width + 2 * QUIET
    }

    /// The code as SVG, one unit per module.
    pub(super) fn svg(&self) -> String {
        let side = self.full_width();
        let mut path = String::new();
        for (x, y) in self.dark() {
            let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
             shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
        )
    }

    /// The code as black and white PNG.
    pub(super) fn png(&self) -> Result<Vec<u8>, Error> {
        let scale = PIXELS.div_ceil(self.full_width());
        let side = self.full_width() * scale;
        let mut pixels = vec![u8::MAX; side * side];
        for (x, y) in self.dark() {
            for row in pixels.chunks_mut(side).skip((y + QUIET) * scale).take(scale) {
                row.iter_mut().skip((x + QUIET) * scale).take(scale).for_each(|pixel| *pixel = 0);
            }
        }
        gray_png(side, side, &pixels)
    }
}

fn encode(payload: &str, version: i16) -> Option<QrCode> {
    let mut bits = Bits::new(Version::Normal(version));
    let is_alphanumeric = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase() || b" $%*+-./:".contains(&b);
    if !payload.bytes().all(is_alphanumeric) {
        return None;
    }
    bits.push_alphanumeric_data(payload.as_bytes()).ok()?;
    bits.push_terminator(EcLevel::Q).ok()?;
    QrCode::with_bits(bits, EcLevel::Q).ok()
}

fn gray_png(width: usize, height: usize, pixels: &[u8]) -> Result<Vec<u8>, Error> {
    encode_png(width, height, png::ColorType::Grayscale, pixels)
}

/// Encodes a PNG with 8 bits per sample.
pub(super) fn encode_png(
    width: usize,
    height: usize,
    colors: png::ColorType,
    pixels: &[u8],
) -> Result<Vec<u8>, Error> {
    let side = |length: usize| u32::try_from(length).map_err(|_| Error::Picture);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(width)?, side(height)?);
    encoder.set_color(colors);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header().map_err(|_| Error::Picture)?;
    writer.write_image_data(pixels).map_err(|_| Error::Picture)?;
    writer.finish().map_err(|_| Error::Picture)?;
    Ok(bytes)
}
