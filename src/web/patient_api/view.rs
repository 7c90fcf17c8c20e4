//! An account as its holder sees it; its patients are shown as they are stored.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::accounts::Account;
use crate::kit::{AccountId, Timestamp};

/// A patient account, as shown to its holder.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountView {
    /// Unique id of the account.
    id: AccountId,
    /// The proven phone number, masked.
    #[schema(required = true, example = "+1 •••••• 2671")]
    phone: Option<String>,
    /// Time at which the account was created.
    created_at: Timestamp,
}

impl AccountView {
    pub(super) fn of(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            phone: account.number().map(|phone| phone.masked()),
            created_at: account.created_at,
        }
    }
}
