//! `practice-links admin kannel …`

use std::io::Write;

use clap::Subcommand;

use crate::cli::Failure;
use crate::delivery::sms::kannel::urls;
use crate::web::state::State;

#[derive(Subcommand)]
pub(crate) enum KannelTask {
    /// Print the `sms-service` group that forwards inbound texts to this service.
    Urls,
}

/// The URL holds a secret: with it, a stranger could send STOP for other people's numbers.
pub(super) fn run(task: &KannelTask, state: &State, out: &mut dyn Write) -> Result<(), Failure> {
    let origin = urls::origin(&state.delivery.settings.kannel, &state.service.settings.public_url);
    match task {
        KannelTask::Urls => Ok(writeln!(
            out,
            "group = sms-service\nkeyword = default\nget-url = \"{}\"\nmax-messages = 0\ncatch-all = \
                true\nomit-empty = true",
            urls::inbound_url(origin, &state.service.keys)
        )?),
    }
}
