//! Content codings (RFC 9110, 8.4): which one a client accepts, and texts that are compressed once and not
//! for each response.
//!
//! A page of which only the end differs between responses is compressed up to there. Both formats consist
//! of blocks, and both have a block that holds its bytes as they are: the end goes into such a block, and
//! costs a copy and not a compression. It also keeps what is secret in the end apart from everything that
//! is compressed: the length of the response does not depend on it, so guesses reflected elsewhere in the
//! page would not shorten it (the BREACH attack).

use std::io::{self, Write as _};
use std::sync::OnceLock;

use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};
use actix_web::{HttpResponse, HttpResponseBuilder};
use brotli::CompressorWriter;
use brotli::enc::BrotliEncoderParams;
use crc32fast::Hasher;
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// Of 13,600 bytes it leaves 3,930 in 8 ms; 11, the highest, takes twice that for 100 bytes less.
const BROTLI_QUALITY: i32 = 10;
/// Base 2 logarithm of how far back matches reach: more than the largest page.
const BROTLI_WINDOW: i32 = 16;
/// What a block of bytes as they are may hold in both formats.
const LONGEST_BLOCK: usize = 0xffff;
/// No name, no time, no system: RFC 1952, 2.3.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Brotli,
    Gzip,
    /// Not compressed.
    Identity,
}

impl Coding {
    /// Adds the headers of a response that has this coding, and would have another for another client.
    pub fn describe(self, response: &mut HttpResponseBuilder) {
        response.insert_header((VARY, HeaderValue::from_static("accept-encoding")));
        match self {
            Self::Brotli => response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("br"))),
            Self::Gzip => response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip"))),
            Self::Identity => response,
        };
    }
}

/// How much a client likes each coding, in thousandths; 0 excludes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    brotli: u16,
    gzip: u16,
    identity: u16,
}

impl Accepted {
    /// Reads `Accept-Encoding`. Without it nothing is compressed: RFC 9110, 12.5.3 would allow it, but a
    /// client that does not ask may not be able to decompress.
    pub fn of(headers: &HeaderMap) -> Self {
        let (mut brotli, mut gzip, mut identity, mut others) = (None, None, None, None);
        let lists = headers.get_all(ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
        for element in lists.flat_map(|list| list.split(',')) {
            let (name, parameter) = element.split_once(';').unwrap_or((element, ""));
            let weight = Some(if parameter.is_empty() { 1_000 } else { weight(parameter.trim()) });
            match name.trim() {
                "*" => others = weight,
                name if name.eq_ignore_ascii_case("br") => brotli = weight,
                name if name.eq_ignore_ascii_case("gzip") => gzip = weight,
                name if name.eq_ignore_ascii_case("x-gzip") => gzip = gzip.or(weight),
                name if name.eq_ignore_ascii_case("identity") => identity = weight,
                _ => {}
            }
        }
        Self {
            brotli: brotli.or(others).unwrap_or(0),
            gzip: gzip.or(others).unwrap_or(0),
            // Acceptable unless it is excluded, and less than anything that is named.
            identity: identity.or(others).unwrap_or(1),
        }
    }

    /// Returns the coding to use: of the most acceptable ones the shortest. A client that accepts nothing
    /// of what there is gets the text as it is, since 406 would leave a person without a page.
    pub fn best(self) -> Coding {
        let most = self.brotli.max(self.gzip).max(self.identity);
        match most {
            0 => Coding::Identity,
            _ if self.brotli == most => Coding::Brotli,
            _ if self.gzip == most => Coding::Gzip,
            _ => Coding::Identity,
        }
    }

    /// The same, except that there is no Brotli.
    #[must_use]
    pub fn without_brotli(self) -> Self {
        Self { brotli: 0, ..self }
    }
}

/// The weight `q=0.5` in thousandths. An unreadable one is no acceptance.
fn weight(parameter: &str) -> u16 {
    let value = parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    let value = value.map_or("", |(_, value)| value.trim());
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    let digits = fraction.bytes().map(|b| u16::from(b - b'0')).chain([0, 0, 0]);
    let thousandths = digits.zip([100, 10, 1]).map(|(digit, place)| digit * place).sum();
    match whole {
        "0" => thousandths,
        "1" => 1_000,
        _ => 0,
    }
}

/// The compressed beginning of a text, up to a byte boundary.
#[derive(Debug)]
pub struct Opening {
    bytes: Vec<u8>,
    end: End,
}

/// How the format goes on.
#[derive(Debug)]
enum End {
    Brotli,
    /// Checksum and length of the beginning.
    Gzip(u32, u32),
}

impl Opening {
    /// Compresses `text` into a Brotli stream that can be continued.
    pub fn brotli(text: &[u8]) -> io::Result<Self> {
        let (quality, lgwin) = (BROTLI_QUALITY, BROTLI_WINDOW);
        let params = BrotliEncoderParams { quality, lgwin, size_hint: text.len(), ..Default::default() };
        let mut writer = CompressorWriter::with_params(Vec::new(), 4_096, &params);
        writer.write_all(text)?;
        writer.flush()?;
        // Dropping the writer would end the stream.
        let bytes = writer.get_ref().clone();
        Ok(Self { bytes, end: End::Brotli })
    }

    /// Compresses `text` into a gzip stream that can be continued.
    pub fn gzip(text: &[u8]) -> io::Result<Self> {
        let mut writer = DeflateEncoder::new(GZIP_HEAD.to_vec(), Compression::best());
        writer.write_all(text)?;
        writer.flush()?;
        let bytes = writer.get_ref().clone();
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        Ok(Self { bytes, end: End::Gzip(crc32fast::hash(text), length) })
    }

    /// Returns the whole stream: the beginning, and `rest` as it is.
    pub fn finish(&self, rest: &[u8]) -> Vec<u8> {
        let mut stream = Vec::with_capacity(self.bytes.len() + rest.len() + 64);
        stream.extend_from_slice(&self.bytes);
        match self.end {
            End::Brotli => end_brotli(&mut stream, rest),
            End::Gzip(sum, length) => end_gzip(&mut stream, rest, (sum, length)),
        }
        stream
    }
}

/// Uncompressed meta-blocks and the empty last one (RFC 7932, 9.2).
fn end_brotli(stream: &mut Vec<u8>, rest: &[u8]) {
    for block in rest.chunks(LONGEST_BLOCK) {
        // From the lowest bit: not the last, a length of four nibbles, that length less one, uncompressed.
        let length = u32::try_from(block.len() - 1).unwrap_or(0);
        let [a, b, c, _] = (length << 3 | 1 << 19).to_le_bytes();
        stream.extend_from_slice(&[a, b, c]);
        stream.extend_from_slice(block);
    }
    stream.push(0b11);
}

/// Stored blocks, an empty last one (RFC 1951, 3.2.4), and the sum over everything (RFC 1952, 2.3.1).
fn end_gzip(stream: &mut Vec<u8>, rest: &[u8], (sum, length): (u32, u32)) {
    for block in rest.chunks(LONGEST_BLOCK).chain([[].as_slice()]) {
        let length = u16::try_from(block.len()).unwrap_or(0);
        stream.push(u8::from(block.is_empty()));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let mut whole = Hasher::new_with_initial(sum);
    whole.update(rest);
    stream.extend_from_slice(&whole.finalize().to_le_bytes());
    let rest = u32::try_from(rest.len()).unwrap_or(0);
    stream.extend_from_slice(&length.wrapping_add(rest).to_le_bytes());
}

/// The compressed forms of a text's beginning, each made when it is first asked for.
#[derive(Debug, Default)]
pub struct CompressedForms {
    brotli: OnceLock<Option<Opening>>,
    gzip: OnceLock<Option<Opening>>,
}

impl CompressedForms {
    pub const fn new() -> Self {
        Self { brotli: OnceLock::new(), gzip: OnceLock::new() }
    }

    /// Whether the Brotli form is there already. It takes milliseconds; gzip is a matter of microseconds.
    pub fn has_brotli(&self) -> bool {
        self.brotli.get().is_some()
    }

    /// Returns the form of `text` with this coding. `None` for the text itself, which is also what is left if
    /// compressing failed.
    pub fn opening(&self, coding: Coding, text: &[u8]) -> Option<&Opening> {
        match coding {
            Coding::Brotli => self.brotli.get_or_init(|| Opening::brotli(text).ok()).as_ref(),
            Coding::Gzip => self.gzip.get_or_init(|| Opening::gzip(text).ok()).as_ref(),
            Coding::Identity => None,
        }
    }
}

/// A file that is part of the program, compressed when it is first asked for.
#[derive(Debug)]
pub struct StaticFile {
    text: &'static str,
    forms: CompressedForms,
}

impl StaticFile {
    pub const fn new(text: &'static str) -> Self {
        Self { text, forms: CompressedForms::new() }
    }

    pub fn text(&self) -> &'static str {
        self.text
    }

    /// Completes a response with the file.
    pub fn respond(&self, mut response: HttpResponseBuilder, accepted: Accepted) -> HttpResponse {
        let coding = accepted.best();
        let Some(opening) = self.forms.opening(coding, self.text.as_bytes()) else {
            Coding::Identity.describe(&mut response);
            return response.body(self.text);
        };
        coding.describe(&mut response);
        response.body(opening.finish(&[]))
    }
}
