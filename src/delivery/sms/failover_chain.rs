//! Failover chain for texts and calls: the first provider, and if it fails the second, at once and with the
//! very same message. A circuit breaker per provider avoids waiting for one that is known to fail.

use std::sync::Arc;
use std::time::Duration;

use super::SmsProvider;
use crate::delivery::Delivery;
use crate::delivery::circuit_breaker::CircuitBreaker;
use crate::kit::phone::sender_key;
use crate::kit::{Clock, Timestamp};
use crate::platform::Service;
use crate::platform::outbox::{Channel, Envelope, Outcome, Outgoing, SendResult};
use crate::platform::settings::BadSetting;

/// A message that may have been accepted this often is not handed to any provider again.
const MOST_DOUBTS: i32 = 2;

/// How long a message that is not awaited leaves a provider with an open breaker alone: a list of invites
/// need not come back for every trial.
const NOT_AWAITED: Duration = Duration::from_mins(1);
const BREAKER_OPEN: &str = "breaker_open";

struct ChainLink {
    provider: Arc<dyn SmsProvider>,
    breaker: CircuitBreaker,
}

/// The providers, in the order in which they are tried.
pub(in crate::delivery) struct FailoverChain {
    links: Vec<ChainLink>,
    clock: Arc<dyn Clock>,
}

impl FailoverChain {
    /// Reads `sms.*` and the settings of the providers named there.
    pub(in crate::delivery) fn new(service: &Service, delivery: &Delivery) -> Result<Self, BadSetting> {
        let (settings, providers) = (&delivery.settings.sms, &delivery.providers);
        let mut links = vec![ChainLink::new(chosen(providers, "sms.provider", &settings.provider)?)];
        if let Some(fallback) = settings.fallback.as_deref().filter(|name| !name.is_empty()) {
            if *fallback == settings.provider {
                return Err(BadSetting::new("sms.fallback", "is the same as `sms.provider`"));
            }
            links.push(ChainLink::new(chosen(providers, "sms.fallback", fallback)?));
        }
        Ok(Self { links, clock: Arc::clone(&service.clock) })
    }

    /// Sends a message through the first provider that accepts it.
    pub(in crate::delivery) fn deliver(&self, message: &Outgoing, envelope: &Envelope<'_>) -> SendResult {
        let able: Vec<&ChainLink> =
            self.links.iter().filter(|link| link.provider.can_send(message)).collect();
        if able.is_empty() {
            return Outcome::Rejected("nobody_takes_it").into();
        }
        let allowed: Vec<&ChainLink> = able.into_iter().filter(|link| link.may_send(message)).collect();
        if allowed.is_empty() {
            return Outcome::Rejected("opted_out").into();
        }
        let mut failures = Vec::new();
        for link in allowed {
            let result = self.try_link(link, message, envelope);
            if !is_failure(&result.outcome) {
                return result;
            }
            failures.push(result);
            if doubts(envelope, &failures) >= MOST_DOUBTS || self.is_late(envelope) {
                break;
            }
        }
        conclude(envelope, failures)
    }

    fn try_link(&self, link: &ChainLink, message: &Outgoing, envelope: &Envelope<'_>) -> SendResult {
        let now = self.clock.now();
        if let Err(trial_at) = link.breaker.admit(now) {
            let wait = until(trial_at, now);
            return match is_awaited(message) {
                true => Outcome::NotTried(BREAKER_OPEN, wait).into(),
                false => Outcome::RetryAfter(BREAKER_OPEN, wait.max(NOT_AWAITED)).into(),
            };
        }
        let result = link.provider.send(message, envelope);
        match is_failure(&result.outcome) {
            true => link.breaker.failed(self.clock.now()),
            false => link.breaker.succeeded(),
        }
        count(link.provider.name(), message, &result.outcome);
        result
    }

    fn is_late(&self, envelope: &Envelope<'_>) -> bool {
        envelope.not_after.is_some_and(|at| at <= self.clock.now())
    }
}

impl ChainLink {
    fn new(provider: Arc<dyn SmsProvider>) -> Self {
        Self { breaker: CircuitBreaker::new(provider.name()), provider }
    }

    /// Whether STOP allows texts from this provider's number. Calls are always allowed: STOP is about texts.
    fn may_send(&self, message: &Outgoing) -> bool {
        match (message, self.provider.sender()) {
            (Outgoing::Sms(text), Some(sender)) => text.sender.allows(&sender_key(sender)),
            _ => true,
        }
    }
}

/// The provider with this name, if its settings are complete.
fn chosen(
    providers: &[Arc<dyn SmsProvider>],
    setting: &str,
    name: &str,
) -> Result<Arc<dyn SmsProvider>, BadSetting> {
    let Some(provider) = providers.iter().find(|provider| provider.name() == name) else {
        let names: Vec<String> = providers.iter().map(|provider| format!("`{}`", provider.name())).collect();
        return Err(BadSetting::new(setting, format!("must be one of {}", names.join(", "))));
    };
    provider.check()?;
    Ok(Arc::clone(provider))
}

/// Whether a person waits for the message.
fn is_awaited(message: &Outgoing) -> bool {
    match message {
        Outgoing::Sms(text) => text.code.is_some(),
        other => matches!(other, Outgoing::Voice(_)),
    }
}

/// Failures worth a failover. What is wrong with the number is wrong for all providers.
fn is_failure(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Retry(_)
            | Outcome::RetryAfter(..)
            | Outcome::NotTried(..)
            | Outcome::Ambiguous(_)
            | Outcome::Misconfigured(_)
    )
}

fn doubts(envelope: &Envelope<'_>, failures: &[SendResult]) -> i32 {
    let doubtful = failures.iter().filter(|result| matches!(result.outcome, Outcome::Ambiguous(_))).count();
    envelope.ambiguous + i32::try_from(doubtful).unwrap_or(MOST_DOUBTS)
}

/// Merges several failures into one outcome: a doubt outweighs all others, because the outbox must count
/// it; our account is blamed only if all providers blame it; otherwise the soonest retry wins.
fn conclude(envelope: &Envelope<'_>, failures: Vec<SendResult>) -> SendResult {
    let doubts = doubts(envelope, &failures);
    let weight = |outcome: &Outcome| match outcome {
        Outcome::Ambiguous(_) => (0, Duration::ZERO),
        Outcome::Retry(_) => (1, Duration::ZERO),
        Outcome::RetryAfter(_, wait) | Outcome::NotTried(_, wait) => (2, *wait),
        _ => (3, Duration::ZERO),
    };
    let gravest = failures.into_iter().min_by_key(|result| weight(&result.outcome));
    match gravest {
        // Two doubts within one attempt, which the outbox would count as one.
        Some(result) if doubts > envelope.ambiguous + 1 => {
            SendResult { outcome: Outcome::Rejected("ambiguous"), ..result }
        }
        Some(result) => result,
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
