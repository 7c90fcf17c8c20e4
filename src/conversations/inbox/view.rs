//! Conversations as the practice sees them.

use diesel::Queryable;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{PairingSource, PatientCard, own_address};
use crate::kit::Timestamp;

/// The last conversation of a page.
pub struct Cursor {
    /// When its last entry was written.
    pub last_entry_at: Timestamp,
    /// Its id.
    pub id: String,
}

/// The last conversation of a page of the work-list.
pub struct Waiting {
    /// Since when it waits.
    pub since: Timestamp,
    /// Its id.
    pub id: String,
}

/// A conversation as the practice sees it.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = InboxConversation)]
pub struct Card {
    /// Its id.
    #[schema(example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub id: String,
    /// The pairing that opened it.
    #[schema(example = "pai_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub pairing_id: String,
    /// Whom it is about.
    pub patient: PatientCard,
    /// `open` or `closed`.
    #[schema(example = "open")]
    pub status: String,
    /// Its tags, sorted.
    #[schema(example = json!(["demo"]))]
    pub tags: Vec<String>,
    /// The link that was opened.
    #[schema(required = true)]
    pub link: Option<LinkCard>,
    /// Through what the patient came.
    pub source: PairingSource,
    /// Who answers it.
    #[schema(required = true)]
    pub assignee: Option<StaffCard>,
    /// `unverified`, `confirmed`, `rejected` or `re_verify`.
    #[schema(example = "unverified")]
    pub identity: String,
    /// Since when it stands so.
    pub identity_since: Timestamp,
    /// Whether health information may be written: it is confirmed who this is.
    pub phi_allowed: bool,
    /// Who wrote, though that was not confirmed.
    #[schema(required = true)]
    pub acknowledged: Option<Acknowledged>,
    /// Whether the practice has something to read.
    pub unread: bool,
    /// How many entries it has.
    #[schema(example = 2)]
    pub entry_count: i32,
    /// Up to which one the practice has read.
    #[schema(example = 2)]
    pub read_position: i32,
    /// Up to which one the patient has.
    #[schema(example = 2)]
    pub patient_read_position: i32,
    /// The last entry.
    #[schema(required = true)]
    pub last_entry: Option<LastEntry>,
    /// When it was written.
    pub last_entry_at: Timestamp,
    /// When the conversation was opened.
    pub created_at: Timestamp,
}

impl Card {
    /// What a page that ends with it goes on behind.
    pub fn cursor(&self) -> Cursor {
        Cursor { last_entry_at: self.last_entry_at, id: self.id.clone() }
    }

    /// What a page of the work-list that ends with it goes on behind.
    pub fn waiting(&self) -> Waiting {
        Waiting { since: self.identity_since, id: self.id.clone() }
    }
}

/// A link by name.
#[derive(Clone, Serialize, ToSchema, Queryable)]
pub struct LinkCard {
    /// Its id.
    #[schema(example = "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub id: String,
    /// What the practice calls it.
    #[schema(example = "Waiting room poster")]
    pub label: String,
    /// The digits of its address.
    #[schema(example = "123456")]
    pub code: String,
}

/// A staff member by name.
#[derive(Clone, Serialize, ToSchema, Queryable)]
pub struct StaffCard {
    /// Their id.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub id: String,
    /// What colleagues call them.
    #[schema(example = "Jo Park")]
    pub name: String,
}

/// Who acknowledged that it is not known who this is.
#[derive(Clone, Serialize, ToSchema)]
pub struct Acknowledged {
    /// The staff member.
    #[schema(example = "stf_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The last entry of a conversation.
#[derive(Clone, Serialize, ToSchema)]
pub struct LastEntry {
    /// `welcome`, `system` or `message`.
    #[schema(example = "message")]
    pub kind: String,
    /// `practice`, `patient` or `system`.
    #[schema(example = "patient")]
    pub author: String,
    /// How it begins, on one line of up to 120 characters.
    #[schema(example = "Hello, I would like to book a visit.")]
    pub preview: String,
}

/// How a patient is reached: for comparing with the practice's own records.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = PatientContact)]
pub struct Contact {
    /// The proven number (E.164); `null` once the account is deleted.
    #[schema(required = true, example = "+14155552671")]
    pub phone: Option<String>,
    /// The address that they gave; not that of an account whose number somebody else may have by now.
    #[schema(required = true, example = "alex@example.org")]
    pub email: Option<String>,
    /// Whether they proved that it is theirs.
    pub email_verified: bool,
    /// Birth date, ISO 8601.
    #[schema(required = true, example = "1987-05-31")]
    pub birth_date: Option<String>,
}

/// Number, address, whether that is proven, birth date, and whether a stranger may have the account's number by now.
type Found = (Option<String>, Option<String>, bool, Option<String>, bool);

impl Contact {
    pub(super) fn of((phone, email, is_proven, birth_date, is_stranger): Found) -> Self {
        let (email, email_verified) = own_address(email, is_proven, is_stranger);
        Self { phone, email, email_verified, birth_date }
    }
}

/// An entry as the practice sees it.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = InboxEntry)]
pub struct Remark {
    /// Its id.
    #[schema(example = "ent_0198c1f2a4c07d3e8a51b2c3d4e5f607")]
    pub id: String,
    /// Its place in the conversation, from 1.
    #[schema(example = 1)]
    pub position: i32,
    /// `welcome`, `system` or `message`.
    #[schema(example = "message")]
    pub kind: String,
    /// `practice`, `patient` or `system`.
    #[schema(example = "practice")]
    pub author: String,
    /// Who of the practice wrote it; the patient sees the practice alone.
    #[schema(required = true)]
    pub staff: Option<StaffCard>,
    /// The text.
    #[schema(example = "Would Tuesday suit you?")]
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
}
