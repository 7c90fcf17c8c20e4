//! What a decision about an identity says: what was decided, how it was made sure, and on what evidence.

use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use crate::domain::events::EventKind;
use crate::kit::{PracticeId, RecordId};
use crate::platform::event_log::Actor;

crate::text_enum! {
    /// What was decided.
    #[schema(as = IdentityDecisionKind)]
    pub enum Kind {
        /// The patient is who they say they are.
        Confirm = "confirm",
        /// The patient is someone else.
        Reject = "reject",
        /// The decision before was wrong.
        Undo = "undo",
        /// The identity was confirmed, and must be checked again.
        ReVerify = "re_verify",
    }
}

impl Kind {
    /// The event of such a decision.
    pub fn event(self) -> EventKind {
        match self {
            Self::Confirm => EventKind::IdentityConfirmed,
            Self::Reject => EventKind::IdentityRejected,
            Self::Undo => EventKind::IdentityUndone,
            Self::ReVerify => EventKind::IdentityDoubted,
        }
    }
}

/// How the identity was confirmed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = IdentityMethod)]
pub enum Method {
    /// Phone number and e-mail address match one patient record.
    RecordMatch,
    /// Staff called the number on record.
    CallBack,
    /// The patient came to the practice in person.
    InPerson,
    /// Staff asked for the birth date.
    DateOfBirth,
    /// Staff saw a photo ID.
    PhotoId,
    /// Both channels of an invite were verified, and the name agrees.
    Invite,
}

impl Method {
    /// The text in the API and the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether staff spoke to the patient or saw them. Data that was only typed in does not let a new device
    /// see older messages: the new owner of a recycled number may have typed it.
    pub fn is_contact(self) -> bool {
        matches!(self, Self::CallBack | Self::InPerson | Self::DateOfBirth | Self::PhotoId)
    }
}

/// Why a confirmed identity must be checked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray, Serialize, ToSchema)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = IdentityDoubt)]
pub enum Doubt {
    /// The phone number of the account changed.
    NumberChanged,
    /// A device unknown to the account verified its number.
    NewDevice,
    /// The name or birth date changed.
    DetailsChanged,
}

/// How the identity was confirmed, or why it must be checked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, AsExpression, FromSqlRow, ToSchema)]
#[serde(untagged)]
#[diesel(sql_type = Text)]
#[schema(as = IdentityBasis)]
pub enum Basis {
    /// How the identity was confirmed.
    Method(Method),
    /// Why it must be checked again.
    Doubt(Doubt),
}

impl From<Basis> for &'static str {
    fn from(basis: Basis) -> Self {
        match basis {
            Basis::Method(method) => method.into(),
            Basis::Doubt(doubt) => doubt.into(),
        }
    }
}

impl FromStr for Basis {
    type Err = strum::ParseError;

    fn from_str(text: &str) -> Result<Self, strum::ParseError> {
        text.parse().map(Self::Method).or_else(|_| text.parse().map(Self::Doubt))
    }
}

crate::text_column!(Basis);

/// Who decides, for which practice.
pub struct Decider<'a> {
    pub practice_id: &'a PracticeId,
    /// A staff member; for decisions that no person made, an account or the service itself.
    pub actor: Actor,
}

/// The records that a decision is based on.
#[derive(Default)]
pub struct Evidence {
    /// The record that belongs to the patient.
    pub record_id: Option<RecordId>,
    /// The comparison field by field, as staff saw it when they decided.
    pub compared: Option<Value>,
}

/// What is to be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The patient is who they say they are.
    Confirm(Method),
    /// The patient is someone else: the conversation closes, and the number can be
    /// blocked from pairing again.
    Reject {
        /// Whether the account's number is blocked for this practice.
        block: bool,
    },
    /// The last decision was wrong.
    Undo,
}

/// A verdict with everything that is stored about it.
pub struct NewDecision<'a> {
    pub verdict: Verdict,
    /// Free text by the actor.
    pub note: Option<&'a str>,
    pub evidence: Evidence,
    /// Whether the patient was met through an unrestricted session. Such a session gains nothing from the
    /// meeting, and a restricted one on a new device, which may be another person's, must not gain either.
    pub on_known_device: bool,
}

impl NewDecision<'_> {
    /// A verdict without note or evidence.
    pub fn plain(verdict: Verdict) -> Self {
        Self { verdict, note: None, evidence: Evidence::default(), on_known_device: false }
    }
}
