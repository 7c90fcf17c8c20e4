//! What providers tell us afterwards: how a message fared, and what people wrote back.
//!
//! A report names our own attempt, so it may come before the answer to the send is stored. The outbox takes it
//! forward only: what comes twice, late, out of order or of an attempt that nobody knows changes nothing, and is
//! thanked for all the same, since a provider repeats what was refused.

pub mod http;
pub mod kannel;
pub mod twilio;

use crate::app::Ctx;
use crate::consent::{self, Inbound};
use crate::db::{self, Conn};
use crate::outbox::{self, Channel, Outcome, Report};
use crate::topics;

/// Takes a report of `provider`'s on one attempt, a text or a call.
pub fn take_report(
    ctx: &Ctx,
    conn: &mut Conn,
    (provider, channel): (&'static str, Channel),
    delivery_id: &str,
    report: &Report,
) -> db::Result<()> {
    let is_news = outbox::report(ctx, conn, &topics::all(), delivery_id, report)?;
    let told = if is_news { report.as_str() } else { "nothing_new" };
    metrics::counter!("provider_reports_total", "provider" => provider, "report" => told).increment(1);
    match report {
        Report::Undelivered(Outcome::Misconfigured(why)) if is_news => {
            alarm(ctx, conn, provider, channel, why)
        }
        _ => Ok(()),
    }
}

/// A provider that takes messages and then drops them, because our account there is wrong, looks well to the
/// worker. With nobody to take over, and nobody takes over a call, its channel pauses until it is mended.
fn alarm(
    ctx: &Ctx,
    conn: &mut Conn,
    provider: &'static str,
    channel: Channel,
    why: &'static str,
) -> db::Result<()> {
    tracing::error!(
        provider,
        channel = channel.as_str(),
        why,
        "the provider drops our messages: our account there is wrong"
    );
    let is_taken_over = channel == Channel::Sms && ctx.config.sms.fallback.is_some();
    if is_taken_over { Ok(()) } else { outbox::pause_by_report(ctx, conn, channel, why) }
}

/// Takes a text that somebody wrote to one of our numbers.
pub fn take_text(ctx: &Ctx, conn: &mut Conn, text: &Inbound) -> db::Result<()> {
    consent::receive(ctx, conn, text)
}
