//! Notifications from other instances: LISTEN and NOTIFY on PostgreSQL. On SQLite there is no other
//! instance, so there are no notifications.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;

use super::{Server as Conn, Target};

/// How often the socket is polled: libpq returns what has arrived, and does not wait for more.
const POLL: Duration = Duration::from_millis(100);
/// The pause before a lost connection is opened again.
const RETRY: Duration = Duration::from_secs(1);

/// A connection that listens, opened at first use and again when it is lost.
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

    /// How often to call [`Listener::has_notification`]; `None` where there are no notifications.
    pub fn poll_interval(&self) -> Option<Duration> {
        self.target.sqlite_file().is_none().then_some(POLL)
    }

    /// Whether a notification arrived since the last call, or may have been missed while disconnected. It
    /// blocks only while it opens a new connection.
    pub fn has_notification(&mut self) -> bool {
        if self.poll_interval().is_none() {
            return false;
        }
        match &mut self.conn {
            Some(Conn::Pg(c)) => {
                let (mut is_notified, mut is_lost) = (false, false);
                // The iterator ends with `None`, and a lost connection keeps failing.
                for notification in c.notifications_iter() {
                    is_notified |= notification.is_ok();
                    is_lost = notification.is_err();
                    if is_lost {
                        break;
                    }
                }
                if is_lost {
                    self.conn = None;
                }
                is_notified
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
