//! Ids: a prefix that names the kind, and a `UUIDv7` (RFC 9562, 5.7), so that they sort by time of creation.
//!
//! Each kind is a type of its own: passing a patient where an account is wanted does not compile. Text from a
//! client becomes an id unchecked, since an id that does not exist is simply not found.

use std::borrow::{Borrow, Cow};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Builder;

use super::{Entropy, Timestamp};

/// What all kinds of ids have in common.
pub trait Id: From<String> {
    /// The text before the underscore, such as `acc`.
    const PREFIX: &'static str;
    /// What an id of this kind names, in a sentence.
    const DESCRIPTION: &'static str;

    /// An example for the API document.
    fn example() -> serde_json::Value {
        format!("{}_0198c1f2a4c07d3e8a51b2c3d4e5f607", Self::PREFIX).into()
    }

    /// A fresh id, such as `acc_0198c1…` (32 hexadecimal digits after the prefix).
    fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        fresh(Self::PREFIX, now, entropy).into()
    }
}

fn fresh(prefix: &str, now: Timestamp, entropy: &dyn Entropy) -> String {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    format!("{prefix}_{}", Builder::from_unix_timestamp_millis(millis, &random).into_uuid().simple())
}

fn schema<T: Id>() -> RefOr<Schema> {
    let schema = ObjectBuilder::new().schema_type(Type::String).description(Some(T::DESCRIPTION));
    schema.examples([T::example()]).build().into()
}

macro_rules! ids {
    ($($name:ident $prefix:literal $doc:literal;)*) => {$(
        #[doc = $doc]
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AsExpression,
            FromSqlRow,
        )]
        #[serde(transparent)]
        #[diesel(sql_type = Text)]
        pub struct $name(String);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            const DESCRIPTION: &'static str = $doc;
        }

        impl $name {
            /// The id as it is stored and sent.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        /// Never fails: text from a client is looked up as it is.
        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(text: &str) -> Result<Self, Infallible> {
                Ok(Self::from(text))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<DB: Backend> ToSql<Text, DB> for $name
        where
            String: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.to_sql(out)
            }
        }

        impl<DB: Backend> FromSql<Text, DB> for $name
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                String::from_sql(bytes).map(Self)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                schema::<Self>()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

ids! {
    AccountId "acc" "An account: one phone number with the patients behind it.";
    BatchId "bat" "A batch of counted steps.";
    CaughtMessageId "cgt" "A message that the development transport caught.";
    LinkTapId "clk" "A tap on a link of a page, for analytics.";
    ConversationId "cnv" "A conversation between a patient and a practice.";
    DecisionId "idd" "A decision about the identity of a patient.";
    DeliveryId "dlv" "One attempt to deliver a message.";
    DigestId "dig" "A digest e-mail that is being collected.";
    EntryId "ent" "An entry of a conversation.";
    EventId "evt" "An event of the event log, or of a webhook.";
    FunnelEventId "fun" "A counted step of a visitor.";
    InboundMessageId "inb" "A text message that came in.";
    ImportId "imp" "An import of patient records or of invites.";
    InviteId "inv" "An invite to one patient.";
    LinkId "lnk" "A practice link.";
    OutboxId "out" "A message in the outbox.";
    PairingId "pai" "A pairing of a patient with a practice.";
    PatientId "pat" "A patient: one person of an account.";
    PendingPairingId "pnd" "A pairing that waits for a phone number to be verified.";
    PracticeId "prc" "A practice.";
    RecordId "rec" "A patient record of a practice.";
    RequestId "req" "One HTTP request.";
    SessionId "ses" "A patient's sign-in on one device.";
    SpoolId "spool" "A temporary file of an upload.";
    StaffId "stf" "A staff member of a practice.";
    StaffSessionId "sts" "A staff member's sign-in.";
    TeamId "tem" "A team of staff members.";
    VerificationId "ver" "A verification of a phone number.";
    WebhookDeliveryId "whd" "One event on its way to one webhook.";
    WebhookId "whk" "A webhook of a practice.";
}
