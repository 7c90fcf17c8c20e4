//! Bodies that are too large for memory: they are written to an unnamed file as they arrive.

mod upload;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::Data;
use aws_lc_rs::digest::{Context, SHA256};
use futures_util::StreamExt as _;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

pub use upload::SpooledUpload;

use super::{Code, Problem};
use crate::kit::SpoolId;
use crate::platform::Service;

/// The time limit for the whole body; each chunk has the limit of a whole body elsewhere.
const WHOLE: Duration = Duration::from_mins(15);

pub struct Spool {
    pub file: File,
    /// SHA-256 of the file's content.
    pub digest: Vec<u8>,
}

/// Receives a body of at most `most` bytes. The caller must have authenticated the sender before.
pub async fn spool(
    service: &Data<Service>,
    request: &HttpRequest,
    body: Payload,
    most: u64,
) -> Result<Spool, Problem> {
    check_length(request, most)?;
    let file = scratch(service)?;
    let pause = Duration::from_secs(service.settings.server.body_timeout_seconds);
    timeout(WHOLE, collect(body, file, most, pause)).await.map_err(late)?
}

/// Refuses a body that is announced as too long before it arrives.
fn check_length(request: &HttpRequest, most: u64) -> Result<(), Problem> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match announced.is_some_and(|length: u64| length > most) {
        true => Err(too_large(most)),
        false => Ok(()),
    }
}

async fn collect(mut body: Payload, mut file: File, most: u64, pause: Duration) -> Result<Spool, Problem> {
    let (mut digest, mut length) = (Context::new(&SHA256), 0);
    while let Some(part) = timeout(pause, body.next()).await.map_err(late)? {
        let part = part.map_err(|_| Problem::new(Code::MalformedRequest, "The body ended early."))?;
        length += part.len() as u64;
        if length > most {
            return Err(too_large(most));
        }
        digest.update(&part);
        // A few kilobytes into the page cache: a hop to another thread would take longer.
        file.write_all(&part).map_err(|_| full())?;
    }
    Ok(Spool { file, digest: digest.finish().as_ref().to_vec() })
}

/// Creates a file beside the database and unlinks it at once, so that its content ends with the process.
/// `tempfile` would do it in ten lines fewer, and bring `rustix` and `linux-raw-sys` into the service.
pub fn scratch(service: &Service) -> Result<File, Problem> {
    let folder = &service.settings.data_dir;
    let path = folder.join(service.id::<SpoolId>().as_str());
    let open = || -> io::Result<File> {
        fs::create_dir_all(folder)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        fs::remove_file(&path)?;
        Ok(file)
    };
    open().map_err(|_| full())
}

fn late(_: Elapsed) -> Problem {
    Problem::new(Code::RequestTimeout, "The body stopped arriving. Send the request again.")
}

fn full() -> Problem {
    tracing::error!("a request body could not be stored in the data folder");
    Problem::new(Code::Unavailable, "Nothing was imported. Try again in a moment.")
}

fn too_large(most: u64) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("A file can have at most {} MiB.", most / 1024 / 1024))
}
