//! The closed sets of conversations: status, the kind and author of an entry, the identity state, the
//! relation of a patient to the account holder, and the scope of the holder's sessions.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use crate::text_enum;

/// Whether a conversation takes new entries.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
    ToSchema,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[diesel(sql_type = Text)]
#[schema(as = ConversationStatus)]
pub enum Status {
    /// Both sides can write.
    Open,
    /// The conversation can only be read.
    Closed,
}

/// The kind of an entry.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
    ToSchema,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[diesel(sql_type = Text)]
pub enum EntryKind {
    /// The first entry, if the link has a welcome text.
    Welcome,
    /// Says what happened, such as that the patient left.
    System,
    /// A text that one side wrote.
    Message,
}

/// The side that an entry is from.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
    ToSchema,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[diesel(sql_type = Text)]
#[schema(as = EntryAuthor)]
pub enum Author {
    /// Staff of the practice, or its welcome text.
    Practice,
    /// The patient or the holder of the account.
    Patient,
    /// The service itself.
    System,
}

/// Identity state of the patient of a conversation.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
    ToSchema,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[diesel(sql_type = Text)]
pub enum IdentityState {
    /// Not checked by the practice yet.
    Unverified,
    /// The practice has confirmed who the patient is.
    Confirmed,
    /// The patient is not who the practice took them for.
    Rejected,
    /// The identity was confirmed, and something has changed since.
    ReVerify,
}

/// Relation of a patient to the account holder, who writes for them.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
    ToSchema,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[diesel(sql_type = Text)]
#[schema(as = PatientRelation)]
pub enum Relation {
    /// The patient is the account holder.
    #[strum(serialize = "self")]
    #[serde(rename = "self")]
    Itself,
    /// A son or daughter of the account holder.
    Child,
    /// The father or mother of the account holder.
    Parent,
    /// The husband, wife or partner of the account holder.
    Partner,
    /// A ward, whose guardian the account holder is.
    Ward,
    /// Any other person that the account holder writes for.
    Other,
}

/// Access scope of a session.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
    ToSchema,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[diesel(sql_type = Text)]
pub enum Scope {
    /// The session sees everything on the account.
    Full,
    /// The session sees only what it created, and conversations whose practice has spoken
    /// to the patient since.
    Restricted,
}

text_enum!(Status, EntryKind, Author, IdentityState, Relation, Scope);

impl IdentityState {
    /// Whether staff may write health information.
    pub fn allows_phi(self) -> bool {
        self == Self::Confirmed
    }

    /// Whether a staff member should check the identity.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Unverified | Self::ReVerify)
    }
}
