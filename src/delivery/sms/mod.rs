//! Texts and calls: one folder per provider behind one trait, [`SmsProvider`], and the failover chain.
//!
//! A provider's folder has everything of it: its settings, how it is asked to send, the codes of its answers,
//! and the handlers of its callbacks (`/v1/callbacks/NAME/…`), because a callback's fields and signature are
//! the provider's and not ours. The rest of the service knows a provider by its name only.
//!
//! # Adding a provider
//!
//! 1. `NAME/settings.rs`: a `Settings` struct as in `twilio/settings.rs`, nested in `delivery::Settings`
//!    (`delivery/mod.rs`), and the provider's name in the comment of [`Settings::provider`].
//! 2. `NAME/send.rs`: its client, which implements [`SmsProvider`]; `providers` has a line for it, and
//!    `NAME` is declared below.
//! 3. `NAME/callback.rs`, if it calls back: the handlers verify the signature, then call
//!    `consent::receive` for a text that came in and `delivery_reports::record` for a report. Register them
//!    in `web/routes.rs`, and give each a row in `tests/api/matrix.rs`.
//! 4. Run the three commands that `lib.rs` and `platform/settings/mod.rs` name, for the API document and the
//!    settings page.
//! 5. Test it in `tests/api/providers.rs`, against a server that answers as the test scripts it, and in
//!    `tests/api/callbacks.rs`.
//!
//! A provider without a line in `providers`, and a handler without a route, are dead code to the compiler;
//! a test compares the names of `providers` with the comment of the setting.

mod delivery_reports;
mod failover_chain;

pub mod development;
pub mod kannel {
    pub(crate) mod callback;
    mod send;
    pub mod settings;
    pub mod urls;

    pub(super) use send::Kannel;
}
pub mod twilio {
    pub(crate) mod callback;
    mod error_codes;
    mod send;
    pub mod settings;
    mod signature;

    pub(super) use send::Twilio;
}

pub(super) use self::failover_chain::FailoverChain;

use std::sync::Arc;

use confique::Config;

use self::development::Development;
use self::kannel::Kannel;
use self::twilio::Twilio;
use crate::delivery;
use crate::platform::Service;
use crate::platform::outbox::{Envelope, Outgoing, SendResult};
use crate::platform::settings::BadSetting;
use crate::web::http::{Code, Problem};

/// Who takes texts and calls.
#[derive(Debug, Clone, Config)]
pub struct Settings {
    /// `twilio`, `kannel`, or `development`, which shows texts and calls in `/dev` instead of sending them.
    #[config(default = "development")]
    pub provider: String,
    /// Provider that takes over when the first one fails; same values. Example: `"kannel"`
    pub fallback: Option<String>,
}

impl Settings {
    pub(super) fn check_production(&self) -> Result<(), BadSetting> {
        let chosen = [("sms.provider", Some(&self.provider)), ("sms.fallback", self.fallback.as_ref())];
        match chosen.iter().find(|(_, name)| name.is_some_and(|name| name == development::NAME)) {
            Some((setting, _)) => Err(BadSetting::new(setting, "`development` is refused in production")),
            None => Ok(()),
        }
    }
}

/// A provider of texts and calls. It exists whether it is chosen or not: a callback may arrive for a provider
/// that sends nothing any more.
pub trait SmsProvider: Send + Sync {
    /// Name in the settings, in metrics and in `deliveries`.
    fn name(&self) -> &'static str;
    /// Number or name that its texts come from: STOP is sent to it, and answered from it.
    fn sender(&self) -> Option<&str>;
    /// Reports a missing or wrong setting by its name. Asked only of a provider that is chosen.
    fn check(&self) -> Result<(), BadSetting>;
    /// Whether it can send a message of this kind.
    fn can_send(&self, message: &Outgoing) -> bool;
    /// Sends a message through this provider.
    fn send(&self, message: &Outgoing, envelope: &Envelope<'_>) -> SendResult;
}

/// Every provider that `sms.provider` and `sms.fallback` can name.
pub(super) fn providers(service: &Service, settings: &delivery::Settings) -> Vec<Arc<dyn SmsProvider>> {
    vec![
        Arc::new(Twilio::new(service, &settings.twilio)),
        Arc::new(Kannel::new(service, &settings.kannel)),
        Arc::new(Development::new(service.clone())),
    ]
}

fn invalid_signature() -> Problem {
    Problem::new(Code::SignatureInvalid, "Sign the callback with the secret that is configured here.")
}
