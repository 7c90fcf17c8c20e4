//! A practice's logo, re-encoded from its pixels, so that nothing else in the uploaded file is stored.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, Encoder, Limits, Transformations};

/// Longest side in pixels.
pub const MOST_PIXELS: u32 = 512;
/// Largest upload in bytes.
pub const MOST_BYTES: usize = 64 * 1024;
/// Memory limit of the decoder: a little more than the pixels of the largest logo.
const MOST_MEMORY: usize = 4 * 1024 * 1024;

/// Why a file is rejected as a logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    /// Not a PNG, or a damaged one.
    #[error("Send a PNG file.")]
    Unreadable,
    /// More pixels than allowed.
    #[error("A logo can have up to 512 × 512 pixels.")]
    Large,
}

/// Re-encodes a picture as PNG; of an animation only the first frame.
pub fn reencode(file: &[u8]) -> Result<Vec<u8>, LogoError> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), Limits { bytes: MOST_MEMORY });
    decoder.set_transformations(Transformations::normalize_to_color8());
    let header = decoder.read_header_info().map_err(|_| LogoError::Unreadable)?;
    let (width, height) = (header.width, header.height);
    if width > MOST_PIXELS || height > MOST_PIXELS {
        return Err(LogoError::Large);
    }
    let mut reader = decoder.read_info().map_err(|_| LogoError::Unreadable)?;
    let size = reader.output_buffer_size().ok_or(LogoError::Large)?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(|_| LogoError::Unreadable)?;
    pixels.truncate(frame.buffer_size());
    encode((width, height), frame.color_type, &pixels)
}

fn encode((width, height): (u32, u32), colors: ColorType, pixels: &[u8]) -> Result<Vec<u8>, LogoError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(colors);
    encoder.set_depth(BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels));
    written.map_err(|_| LogoError::Unreadable)?;
    Ok(file)
}
