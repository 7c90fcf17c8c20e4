//! Failover chain for texts and calls: the first provider, and if it fails the second, at once and with the
//! very same message. A circuit breaker per provider avoids waiting for one that is known to fail.

use std::sync::Arc;
use std::time::Duration;

use super::circuit_breaker::Breaker;
use super::development::send::Development;
use super::kannel::send::Kannel;
use super::twilio::send::Twilio;
use crate::kit::phone::sender_key;
use crate::kit::{Clock, Timestamp};
use crate::platform::outbox::{Channel, Envelope, Handed, Outcome, Outgoing};
use crate::platform::settings::BadSetting;
use crate::platform::tx::Service;

/// A message that may have been accepted this often is not handed to any provider again.
const MOST_DOUBTS: i32 = 2;

/// A provider of texts and calls.
pub trait Driver: Send + Sync {
    /// Name in the settings, in metrics and in `deliveries`.
    fn name(&self) -> &'static str;
    /// Number that its texts are sent from; `None` if that does not matter.
    fn number(&self) -> Option<&str>;
    /// Whether it can send a message of this kind.
    fn takes(&self, message: &Outgoing) -> bool;
    /// Sends a message through this provider.
    fn send(&self, message: &Outgoing, envelope: &Envelope<'_>) -> Handed;
}

struct Stop {
    driver: Box<dyn Driver>,
    breaker: Breaker,
}

/// The providers, in the order in which they are tried.
pub struct Route {
    stops: Vec<Stop>,
    clock: Arc<dyn Clock>,
}

impl Route {
    /// Reads `sms.*` and the settings of the providers named there.
    pub fn from_settings(service: &Service) -> Result<Self, BadSetting> {
        let settings = &service.settings.sms;
        let mut stops = vec![Stop::new(driver(service, "sms.provider", &settings.provider)?)];
        if let Some(fallback) = settings.fallback.as_deref().filter(|name| !name.is_empty()) {
            if *fallback == settings.provider {
                return Err(BadSetting::new("sms.fallback", "is the same as `sms.provider`"));
            }
            stops.push(Stop::new(driver(service, "sms.fallback", fallback)?));
        }
        Ok(Self { stops, clock: Arc::clone(&service.clock) })
    }

    /// Sends a message through the first provider that accepts it.
    pub fn carry(&self, message: &Outgoing, envelope: &Envelope<'_>) -> Handed {
        let able: Vec<&Stop> = self.stops.iter().filter(|stop| stop.driver.takes(message)).collect();
        if able.is_empty() {
            return Outcome::Rejected("nobody_takes_it").into();
        }
        let allowed: Vec<&Stop> = able.into_iter().filter(|stop| stop.may_send(message)).collect();
        if allowed.is_empty() {
            return Outcome::Rejected("opted_out").into();
        }
        let mut told = Vec::new();
        for stop in allowed {
            let handed = self.ask(stop, message, envelope);
            if !is_failure(&handed.outcome) {
                return handed;
            }
            told.push(handed);
            if doubts(envelope, &told) >= MOST_DOUBTS || self.is_late(envelope) {
                break;
            }
        }
        conclude(envelope, told)
    }

    fn ask(&self, stop: &Stop, message: &Outgoing, envelope: &Envelope<'_>) -> Handed {
        let now = self.clock.now();
        if let Err(trial_at) = stop.breaker.admit(now) {
            return Outcome::RetryAfter("breaker_open", until(trial_at, now)).into();
        }
        let handed = stop.driver.send(message, envelope);
        match is_failure(&handed.outcome) {
            true => stop.breaker.failed(self.clock.now()),
            false => stop.breaker.succeeded(),
        }
        count(stop.driver.name(), message, &handed.outcome);
        handed
    }

    fn is_late(&self, envelope: &Envelope<'_>) -> bool {
        envelope.not_after.is_some_and(|at| at <= self.clock.now())
    }
}

impl Stop {
    fn new(driver: Box<dyn Driver>) -> Self {
        Self { breaker: Breaker::new(driver.name()), driver }
    }

    /// Whether STOP allows texts from this provider's number. Calls are always allowed: STOP is about texts.
    fn may_send(&self, message: &Outgoing) -> bool {
        match (message, self.driver.number()) {
            (Outgoing::Sms(text), Some(number)) => text.sender.allows(&sender_key(number)),
            _ => true,
        }
    }
}

fn driver(service: &Service, setting: &str, name: &str) -> Result<Box<dyn Driver>, BadSetting> {
    Ok(match name {
        "development" => Box::new(Development::new(service.clone())),
        "twilio" => Box::new(Twilio::from_settings(service)?),
        "kannel" => Box::new(Kannel::from_settings(service)?),
        _ => return Err(BadSetting::new(setting, "must be `twilio`, `kannel` or `development`")),
    })
}

/// Failures worth a failover. What is wrong with the number is wrong for all providers.
fn is_failure(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Retry(_) | Outcome::RetryAfter(..) | Outcome::Ambiguous(_) | Outcome::Misconfigured(_)
    )
}

fn doubts(envelope: &Envelope<'_>, told: &[Handed]) -> i32 {
    let met = told.iter().filter(|handed| matches!(handed.outcome, Outcome::Ambiguous(_))).count();
    envelope.ambiguous + i32::try_from(met).unwrap_or(MOST_DOUBTS)
}

/// Merges several failures into one outcome: a doubt outweighs all others, because the outbox must count
/// it; our account is blamed only if all providers blame it; otherwise the soonest retry wins.
fn conclude(envelope: &Envelope<'_>, told: Vec<Handed>) -> Handed {
    let doubts = doubts(envelope, &told);
    let weight = |outcome: &Outcome| match outcome {
        Outcome::Ambiguous(_) => (0, Duration::ZERO),
        Outcome::Retry(_) => (1, Duration::ZERO),
        Outcome::RetryAfter(_, wait) => (2, *wait),
        _ => (3, Duration::ZERO),
    };
    let gravest = told.into_iter().min_by_key(|handed| weight(&handed.outcome));
    match gravest {
        // Two doubts within one attempt, which the outbox would count as one.
        Some(handed) if doubts > envelope.ambiguous + 1 => {
            Handed { outcome: Outcome::Rejected("ambiguous"), ..handed }
        }
        Some(handed) => handed,
        None => Outcome::Rejected("nobody_takes_it").into(),
    }
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.millis() - now.millis()).unwrap_or(0))
}

fn count(provider: &'static str, message: &Outgoing, outcome: &Outcome) {
    let channel = match message {
        Outgoing::Voice(_) => Channel::Voice,
        _ => Channel::Sms,
    };
    let labels = [("provider", provider), ("channel", channel.as_str()), ("outcome", outcome.label())];
    metrics::counter!("provider_attempts_total", &labels).increment(1);
    if let Outcome::Misconfigured(why) = outcome {
        tracing::error!(provider, why, "the provider rejects our account");
    }
}
