//! Wire format of an event stream (`text/event-stream`, WHATWG HTML 9.2): events, and a regular comment as a
//! heartbeat, so that no proxy closes an idle connection and a disconnected reader is noticed.
//!
//! `actix-web-lab` 0.29 has the same format (`sse`), in about forty lines less and eight crates more. What
//! is long here stays in any case: positions, batches, and an end at the shutdown.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderName};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use futures_util::future::{Either, select};
use futures_util::stream::{self, Stream};
use tokio::time::{Instant, sleep, timeout_at};

use crate::platform::event_stream::{Batch, StreamEvent, Subscription, TooManyStreams};
use crate::web::http::request_context::is_head;
use crate::web::http::{Code, Draining, Problem};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// Delay after a failed database read.
const RETRY: Duration = Duration::from_secs(1);

impl From<TooManyStreams> for Problem {
    fn from(_: TooManyStreams) -> Self {
        Self::new(Code::Unavailable, "Too many open event streams. Poll instead.").retry_after(15)
    }
}

struct State<R> {
    subscription: Subscription,
    draining: Draining,
    position: i64,
    read: R,
    /// Whether there may be something to read.
    is_due: bool,
    heartbeat_at: Instant,
}

/// Response that streams events from `position` on. Each read authenticates and authorizes the reader again.
pub fn respond<R, F>(subscription: Subscription, draining: Draining, position: i64, read: R) -> HttpResponse
where
    R: Fn(i64) -> F + 'static,
    F: Future<Output = Result<Batch, Problem>> + 'static,
{
    let heartbeat_at = Instant::now() + HEARTBEAT;
    let state = State { subscription, draining, position, read, is_due: true, heartbeat_at };
    let hello = stream::once(async { Ok(Bytes::from_static(b"retry: 2000\n\n")) });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
        // A connection kept alive after the stream's end would delay a shutdown.
        .force_close()
        .streaming(Box::pin(stream::StreamExt::chain(hello, events(state))))
}

fn events<R, F>(state: State<R>) -> impl Stream<Item = Result<Bytes, Infallible>>
where
    R: Fn(i64) -> F + 'static,
    F: Future<Output = Result<Batch, Problem>> + 'static,
{
    stream::unfold(state, |mut state| async move {
        let bytes = state.next().await?;
        Some((Ok(bytes), state))
    })
}

impl<R, F> State<R>
where
    R: Fn(i64) -> F,
    F: Future<Output = Result<Batch, Problem>>,
{
    /// The next bytes to send; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.draining.is_set() {
                return None;
            }
            if self.is_due {
                if let Some(text) = self.read_batch().await? {
                    return Some(text);
                }
                continue;
            }
            match self.wait().await {
                WakeReason::Event => self.is_due = true,
                WakeReason::Draining => {}
                WakeReason::Replaced => return None,
                WakeReason::Heartbeat => {
                    // The next round checks whether the reader still has permission.
                    self.is_due = true;
                    self.heartbeat_at = Instant::now() + HEARTBEAT;
                    return Some(Bytes::from_static(b":\n\n"));
                }
            }
        }
    }

    /// Reads once; `None` if the stream has ended.
    async fn read_batch(&mut self) -> Option<Option<Bytes>> {
        match (self.read)(self.position).await {
            Ok(batch) => {
                self.position = batch.position;
                self.is_due = batch.has_more;
                let text: String = batch.events.iter().map(to_text).collect();
                Some((!text.is_empty()).then(|| Bytes::from(text)))
            }
            // The reader has lost the permission.
            Err(problem) if matches!(problem.code, Code::Unauthorized | Code::StaffForbidden) => None,
            Err(_) => {
                sleep(RETRY).await;
                Some(None)
            }
        }
    }

    async fn wait(&mut self) -> WakeReason {
        let (woken, draining) = (pin!(self.subscription.wait()), pin!(self.draining.wait()));
        match timeout_at(self.heartbeat_at, select(woken, draining)).await {
            Ok(Either::Left((true, _))) => WakeReason::Event,
            Ok(Either::Left((false, _))) => WakeReason::Replaced,
            Ok(Either::Right(_)) => WakeReason::Draining,
            Err(_) => WakeReason::Heartbeat,
        }
    }
}

/// What ended a wait.
enum WakeReason {
    /// There may be an event to send.
    Event,
    /// A newer stream took the place.
    Replaced,
    Draining,
    /// It is time for a heartbeat.
    Heartbeat,
}

/// JSON written by serde has no line breaks, so it fits one `data:` line.
fn to_text(event: &StreamEvent) -> String {
    let mut text = String::new();
    let _ = write!(text, "id: {}\nevent: {}\ndata: {}\n\n", event.seq, event.kind, event.data);
    text
}

/// A request for an event stream.
pub struct StreamRequest {
    /// `Last-Event-ID`, which a browser sends when it reconnects.
    pub last_seen: Option<String>,
    /// Whether the request is a HEAD request.
    pub is_head: bool,
}

impl FromRequest for StreamRequest {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let last_seen =
            request.headers().get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        ready(Ok(Self { last_seen, is_head: is_head(request) }))
    }
}

/// Response to a HEAD request.
pub fn head() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/event-stream")).finish()
}
