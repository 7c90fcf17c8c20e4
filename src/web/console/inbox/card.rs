//! A conversation as the lists and its own page show it.

use super::labels;
use crate::domain::conversations::{Author, IdentityState, SourceKind, Status};
use crate::domain::inbox::{Card, LastEntry};
use crate::kit::{ConversationId, Timestamp};
use crate::web::console::layout::Frame;

/// The state of the identity check as a badge: shape, color and label.
pub(super) struct Badge {
    /// CSS class, which sets shape and color.
    pub kind: &'static str,
    pub label: &'static str,
}

impl Badge {
    pub(super) fn of(f: &Frame, state: IdentityState) -> Self {
        Self { kind: state.as_str(), label: labels::badge(f.language, state) }
    }
}

/// A point in time, for people and for machines.
pub(super) struct When {
    /// How long ago, such as `5 min`.
    pub age: String,
    /// In the practice's own time zone.
    pub full: String,
    /// As RFC 3339, for the `datetime` attribute.
    pub machine: String,
}

impl When {
    /// Describes `at` relative to `now`.
    pub(super) fn of(f: &Frame, now: Timestamp, at: Timestamp) -> Self {
        Self { age: labels::age(f.language, now, at), full: f.time(&at), machine: at.to_string() }
    }
}

pub(super) struct Row {
    pub id: ConversationId,
    /// Name of the patient.
    pub name: String,
    /// Link or invite that the patient connected with.
    pub link: String,
    pub tags: Vec<String>,
    /// State of the identity check.
    pub badge: Badge,
    pub is_unread: bool,
    pub is_closed: bool,
    /// Name of the person who answers; empty if unassigned.
    pub assignee: String,
    /// Beginning of the last entry, with its author.
    pub preview: String,
    /// Time of the last entry.
    pub last: When,
    /// Since when the identity check is waiting.
    pub since: When,
}

impl Row {
    /// A conversation as of `now`.
    pub(super) fn of(f: &Frame, now: Timestamp, card: Card) -> Self {
        Self {
            name: name(&card),
            link: through(f, &card),
            badge: Badge::of(f, card.identity),
            is_closed: card.status == Status::Closed,
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

/// The patient's full name.
pub(super) fn name(card: &Card) -> String {
    format!("{} {}", card.patient.given_name, card.patient.family_name)
}

/// The link or invite that the patient connected with.
pub(super) fn through(f: &Frame, card: &Card) -> String {
    let label = card.link.as_ref().map_or(f.text("inbox-a-link"), |link| link.label.as_str());
    match card.source.kind {
        SourceKind::Invite => format!("{}{} {label}", f.text("inbox-invite"), f.text("language-colon")),
        SourceKind::Link => label.to_owned(),
    }
}

fn preview(f: &Frame, entry: &LastEntry) -> String {
    match entry.author {
        Author::Practice => format!("{}{} {}", f.text("inbox-you"), f.text("language-colon"), entry.preview),
        Author::Patient | Author::System => entry.preview.clone(),
    }
}
