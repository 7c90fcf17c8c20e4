//! HTTP handlers of the callbacks of mail servers. Those of a provider of texts and calls are in its own
//! folder, `delivery/sms/NAME/callback.rs`, beside the codes and signatures that they read.

pub(super) mod mail_events;
