//! What other instances tell through the database: LISTEN and NOTIFY on PostgreSQL. On SQLite there is no other
//! instance, and nothing is ever heard.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;

use super::{Conn, Target};

/// How often the socket is looked at: libpq tells what has arrived, and does not wait for it.
const LOOK: Duration = Duration::from_millis(100);
/// How long a lost connection is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// A connection that listens, opened when it is first asked and again when it is lost.
pub struct Listener {
    target: Target,
    channel: &'static str,
    conn: Option<Conn>,
    retry_at: Option<Instant>,
}

impl Listener {
    pub(super) fn new(target: Target, channel: &'static str) -> Self {
        Self { target, channel, conn: None, retry_at: None }
    }

    /// How often to ask [`Listener::heard`]; `None` where nothing is ever heard.
    pub fn pace(&self) -> Option<Duration> {
        self.target.sqlite_file().is_none().then_some(LOOK)
    }

    /// Whether anything was told since the last call, or may have been while nobody listened. It waits for a new
    /// connection at most.
    pub fn heard(&mut self) -> bool {
        if self.pace().is_none() {
            return false;
        }
        match &mut self.conn {
            Some(Conn::Pg(c)) => {
                let (mut heard, mut is_lost) = (false, false);
                // Its end is `None`, and a lost connection fails for ever.
                for told in c.notifications_iter() {
                    heard |= told.is_ok();
                    is_lost = told.is_err();
                    if is_lost {
                        break;
                    }
                }
                if is_lost {
                    self.conn = None;
                }
                heard
            }
            _ => self.connect(),
        }
    }

    fn connect(&mut self) -> bool {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        self.retry_at = Some(Instant::now() + RETRY);
        let Ok(mut conn) = self.target.connect() else { return false };
        if conn.batch_execute(&format!("LISTEN {}", self.channel)).is_err() {
            return false;
        }
        self.conn = Some(conn);
        true
    }
}
