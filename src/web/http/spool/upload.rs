//! A form with one large file, which goes to disk as it arrives.

use std::cell::Cell;
use std::fs::File;
use std::io::Write as _;
use std::rc::Rc;
use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Data;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::time::timeout;

use super::{WHOLE, check_length, full, late, scratch, too_large};
use crate::platform::Service;
use crate::web::http::multipart::{self, unreadable};
use crate::web::http::{Code, Problem};

/// A form of ours has a dozen fields, and the longest is a column's heading.
const MOST_FIELDS: usize = 64;
const MOST_FIELD_BYTES: usize = 16 * 1024;

pub struct SpooledUpload {
    /// The fields, in the order of the page.
    fields: Vec<(String, String)>,
    /// The file's name, where one was chosen.
    pub file_name: Option<String>,
    pub file: File,
}

impl SpooledUpload {
    /// Receives a form of at most `most` bytes. The caller must have authenticated the sender before.
    pub async fn receive(
        service: &Data<Service>,
        request: &HttpRequest,
        body: Payload,
        most: u64,
    ) -> Result<Self, Problem> {
        check_length(request, most)?;
        let (mut left, is_too_large) = (most, Rc::new(Cell::new(false)));
        let noted = Rc::clone(&is_too_large);
        let counted = body.map(move |chunk| {
            let chunk = chunk?;
            let enough = left.checked_sub(chunk.len() as u64);
            noted.set(enough.is_none());
            left = enough.ok_or(PayloadError::Overflow)?;
            Ok(chunk)
        });
        let form = Receiver {
            form: multipart::parse(request, counted)?,
            pause: Duration::from_secs(service.settings.server.body_timeout_seconds),
            most,
            is_too_large,
        };
        let upload = Self { fields: Vec::new(), file_name: None, file: scratch(service)? };
        timeout(WHOLE, form.receive(upload)).await.map_err(late)?
    }

    /// The text of a field; empty where it is missing. U+0000 is removed, because no person types it.
    pub fn field(&self, name: &str) -> String {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.replace('\0', "")).unwrap_or_default()
    }
}

struct Receiver {
    form: Multipart,
    /// The time limit for each chunk of the file, and for each field.
    pause: Duration,
    most: u64,
    /// Whether the body ran over `most`; the parser reports its own buffer's overflow by the same error.
    is_too_large: Rc<Cell<bool>>,
}

impl Receiver {
    async fn receive(mut self, mut upload: SpooledUpload) -> Result<SpooledUpload, Problem> {
        let mut has_file = false;
        while let Some(mut part) = self.next_part().await? {
            let file_name = part.content_disposition().and_then(|head| head.get_filename());
            let file_name = file_name.map(str::to_owned);
            // A form has one file; a second one is a field that no handler asks for.
            if let Some(file_name) = file_name.filter(|_| !has_file) {
                has_file = true;
                upload.file_name = Some(file_name).filter(|name| !name.is_empty());
                self.write_file(&mut part, &mut upload.file).await?;
            } else if upload.fields.len() < MOST_FIELDS {
                let name = part.name().unwrap_or_default().to_owned();
                upload.fields.push((name, self.text(&mut part).await?));
            } else {
                return Err(too_long());
            }
        }
        Ok(upload)
    }

    async fn next_part(&mut self) -> Result<Option<Field>, Problem> {
        let part = timeout(self.pause, self.form.try_next()).await.map_err(late)?;
        part.map_err(|error| self.problem(&error))
    }

    async fn write_file(&self, part: &mut Field, file: &mut File) -> Result<(), Problem> {
        loop {
            let chunk = timeout(self.pause, part.try_next()).await.map_err(late)?;
            match chunk.map_err(|error| self.problem(&error))? {
                // A few kilobytes into the page cache: a hop to another thread would take longer.
                Some(chunk) => file.write_all(&chunk).map_err(|_| full())?,
                None => return Ok(()),
            }
        }
    }

    async fn text(&self, part: &mut Field) -> Result<String, Problem> {
        let text = timeout(self.pause, part.bytes(MOST_FIELD_BYTES)).await.map_err(late)?;
        let text = text.map_err(|_| too_long())?.map_err(|error| self.problem(&error))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn problem(&self, error: &MultipartError) -> Problem {
        match self.is_too_large.get() {
            true => too_large(self.most),
            false => unreadable(error),
        }
    }
}

fn too_long() -> Problem {
    Problem::new(Code::MalformedRequest, "The form cannot be read.")
}
