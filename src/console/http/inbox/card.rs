//! A conversation as lists and its own page show it.

use super::super::frame::Frame;
use super::words;
use crate::conversations::identity::State;
use crate::conversations::inbox::{Card, LastEntry};
use crate::kit::Timestamp;

/// How sure the practice is: a shape, a colour and a word.
pub struct Badge {
    /// Which shape and colour.
    pub kind: &'static str,
    /// The word.
    pub word: &'static str,
}

impl Badge {
    /// Of the word that the database holds.
    pub fn of(f: &Frame, identity: &str) -> Self {
        let (kind, word) = words::badge(f.language, State::from_word(identity));
        Self { kind, word }
    }
}

/// A point in time, as it is read and in full.
pub struct When {
    /// How long ago.
    pub age: String,
    /// In the practice's own zone.
    pub full: String,
    /// RFC 3339.
    pub machine: String,
}

impl When {
    /// A point in time before `now`.
    pub fn of(f: &Frame, now: Timestamp, at: Timestamp) -> Self {
        Self { age: words::age(f.language, now, at), full: f.time(&at), machine: at.to_string() }
    }
}

/// A conversation in a list.
pub struct Row {
    /// Its id.
    pub id: String,
    /// Whom it is about.
    pub name: String,
    /// Through what they came.
    pub link: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// How sure the practice is.
    pub badge: Badge,
    /// Whether there is something to read.
    pub is_unread: bool,
    /// Whether it is over.
    pub is_closed: bool,
    /// Who answers; empty for nobody.
    pub assignee: String,
    /// How the last entry begins, with who wrote it.
    pub preview: String,
    /// When that was.
    pub last: When,
    /// Since when it waits for somebody to look.
    pub since: When,
}

impl Row {
    /// A conversation as of `now`.
    pub fn of(f: &Frame, now: Timestamp, card: Card) -> Self {
        Self {
            name: name(&card),
            link: through(f, &card),
            badge: Badge::of(f, &card.identity),
            is_closed: card.status != "open",
            assignee: card.assignee.map(|person| person.name).unwrap_or_default(),
            preview: card.last_entry.map(|entry| preview(f, &entry)).unwrap_or_default(),
            last: When::of(f, now, card.last_entry_at),
            since: When::of(f, now, card.identity_since),
            is_unread: card.unread,
            tags: card.tags,
            id: card.id,
        }
    }
}

/// Whom a conversation is about.
pub fn name(card: &Card) -> String {
    format!("{} {}", card.patient.given_name, card.patient.family_name)
}

/// Through what its patient came.
pub fn through(f: &Frame, card: &Card) -> String {
    let label = card.link.as_ref().map_or(f.say("a link", "un enlace"), |link| link.label.as_str());
    match card.source.kind {
        "invite" => format!("{}: {label}", f.say("Invite", "Invitación")),
        _ => label.to_owned(),
    }
}

fn preview(f: &Frame, entry: &LastEntry) -> String {
    match entry.author.as_str() {
        "practice" => format!("{}: {}", f.say("You", "Ustedes"), entry.preview),
        _ => entry.preview.clone(),
    }
}
