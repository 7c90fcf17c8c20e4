//! The states of a webhook and of its deliveries.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};
use utoipa::ToSchema;

/// The state of a webhook endpoint.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    EnumString,
    IntoStaticStr,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[diesel(sql_type = Text)]
#[schema(as = WebhookState)]
pub enum State {
    /// The endpoint receives its events.
    Active,
    /// The endpoint is not called.
    Disabled,
    /// Never seen by clients: the row stays until its log is swept.
    #[serde(skip)]
    Deleted,
}

/// Why an endpoint is disabled.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    EnumString,
    IntoStaticStr,
    Serialize,
    AsExpression,
    FromSqlRow,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[diesel(sql_type = Text)]
#[schema(as = WebhookDisabledReason)]
pub enum DisabledReason {
    /// It answered 410 Gone.
    Gone,
    /// A staff member disabled it.
    Staff,
}

/// The state of a delivery.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    EnumString,
    IntoStaticStr,
    Serialize,
    AsExpression,
    FromSqlRow,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[diesel(sql_type = Text)]
#[schema(as = WebhookDeliveryState)]
pub enum DeliveryState {
    /// More attempts will follow.
    Queued,
    Delivered,
    /// No attempt succeeded, and none will follow.
    Failed,
}

crate::text_enum!(State, DisabledReason, DeliveryState);
