//! What the failover chain needs of a provider of texts and calls.

use crate::platform::outbox::{Envelope, Outgoing, SendResult};
use crate::platform::settings::SmsProviderName;

pub(super) trait SmsProvider: Send + Sync {
    /// Name in the settings, in metrics and in `deliveries`.
    fn name(&self) -> SmsProviderName;
    /// Number that its texts are sent from; `None` if that does not matter.
    fn number(&self) -> Option<&str>;
    /// Whether it can send a message of this kind.
    fn can_send(&self, message: &Outgoing) -> bool;
    /// Sends a message through this provider.
    fn send(&self, message: &Outgoing, envelope: &Envelope<'_>) -> SendResult;
}
