//! Wire format of an event stream (`text/event-stream`, WHATWG HTML 9.2): events, and a regular comment as a
//! heartbeat, so that no proxy closes an idle connection and a disconnected reader is noticed.

use std::collections::HashSet;
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

use crate::kit::ids::ConversationId;
use crate::platform::event_stream::{Full, Place, Seat, Told};
use crate::web::http::call::is_head;
use crate::web::http::{Code, Draining, Problem};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// Delay after a failed database read.
const AGAIN: Duration = Duration::from_secs(1);
/// How many events one read returns.
pub const BATCH: i64 = 100;

impl From<Full> for Problem {
    fn from(_: Full) -> Self {
        Self::new(Code::Unavailable, "Too many open event streams. Poll instead.").retry_after(15)
    }
}

/// The result of one read.
pub struct Batch {
    /// Events that the reader may see.
    pub events: Vec<Told>,
    /// The position after the last event read, whether it was sent or not.
    pub place: Place,
    /// Whether there may be more events.
    pub goes_on: bool,
}

impl Batch {
    /// The events found after `place`, without those that `seen` filters out.
    pub fn of<E>(
        found: Vec<Told>,
        place: &Place,
        seen: impl FnOnce(&[ConversationId]) -> Result<HashSet<ConversationId>, E>,
    ) -> Result<Self, E> {
        let goes_on = i64::try_from(found.len()).is_ok_and(|found| found >= BATCH);
        let place = found.last().map_or_else(|| place.clone(), Told::place);
        let ids: Vec<_> = found.iter().filter_map(|event| event.conversation_id.clone()).collect();
        let seen = if ids.is_empty() { HashSet::new() } else { seen(&ids)? };
        let is_seen = |event: &Told| event.conversation_id.as_ref().is_some_and(|id| seen.contains(id));
        Ok(Self { events: found.into_iter().filter(is_seen).collect(), place, goes_on })
    }
}

/// Why a read returned nothing.
pub enum Halt {
    /// The reader lost permission: the stream ends.
    Over,
    /// The database did not answer: the stream tries again.
    Later,
}

struct State<R> {
    seat: Seat,
    draining: Draining,
    place: Place,
    read: R,
    /// Whether there may be something to read.
    is_due: bool,
    beat_at: Instant,
}

/// Response that streams events from `place` on. Each read authenticates and authorizes the reader again.
pub fn answer<R, F>(seat: Seat, draining: Draining, place: Place, read: R) -> HttpResponse
where
    R: Fn(Place) -> F + 'static,
    F: Future<Output = Result<Batch, Halt>> + 'static,
{
    let state = State { seat, draining, place, read, is_due: true, beat_at: Instant::now() + HEARTBEAT };
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
    R: Fn(Place) -> F + 'static,
    F: Future<Output = Result<Batch, Halt>> + 'static,
{
    stream::unfold(state, |mut state| async move {
        let bytes = state.next().await?;
        Some((Ok(bytes), state))
    })
}

impl<R, F> State<R>
where
    R: Fn(Place) -> F,
    F: Future<Output = Result<Batch, Halt>>,
{
    /// The next bytes to send; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.draining.is_set() {
                return None;
            }
            if self.is_due {
                if let Some(text) = self.look().await? {
                    return Some(text);
                }
                continue;
            }
            match self.wait().await {
                Waited::Woken => self.is_due = true,
                Waited::Stopped => {}
                Waited::Lost => return None,
                Waited::Long => {
                    // The next round checks whether the reader still has permission.
                    self.is_due = true;
                    self.beat_at = Instant::now() + HEARTBEAT;
                    return Some(Bytes::from_static(b":\n\n"));
                }
            }
        }
    }

    /// Reads once; `None` if the stream has ended.
    async fn look(&mut self) -> Option<Option<Bytes>> {
        match (self.read)(self.place.clone()).await {
            Ok(batch) => {
                self.place = batch.place;
                self.is_due = batch.goes_on;
                let text: String = batch.events.iter().map(written).collect();
                Some((!text.is_empty()).then(|| Bytes::from(text)))
            }
            Err(Halt::Over) => None,
            Err(Halt::Later) => {
                sleep(AGAIN).await;
                Some(None)
            }
        }
    }

    async fn wait(&mut self) -> Waited {
        let (woken, begun) = (pin!(self.seat.woken()), pin!(self.draining.begun()));
        match timeout_at(self.beat_at, select(woken, begun)).await {
            Ok(Either::Left((true, _))) => Waited::Woken,
            Ok(Either::Left((false, _))) => Waited::Lost,
            Ok(Either::Right(_)) => Waited::Stopped,
            Err(_) => Waited::Long,
        }
    }
}

/// What ended a wait.
enum Waited {
    /// There may be an event to send.
    Woken,
    /// A newer stream took the place.
    Lost,
    Stopped,
    /// It is time for a heartbeat.
    Long,
}

/// JSON written by serde has no line breaks, so it fits one `data:` line.
fn written(event: &Told) -> String {
    let mut text = String::new();
    let _ = write!(text, "id: {}\nevent: {}\ndata: {}\n\n", event.id, event.kind, event.data);
    text
}

/// Request headers of an event stream.
pub struct LastEventId {
    /// `Last-Event-ID`, which a browser sends when it reconnects.
    pub id: Option<String>,
    /// Whether the request is a HEAD request.
    pub is_head: bool,
}

impl FromRequest for LastEventId {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        ready(Ok(Self { id, is_head: is_head(request) }))
    }
}

/// Response to a HEAD request.
pub fn head() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/event-stream")).finish()
}
