//! `practice-links admin kannel …`

use std::io::Write;

use clap::Subcommand;

use crate::cli::Failure;
use crate::delivery::kannel::callback;
use crate::platform::Service;

#[derive(Subcommand)]
pub(crate) enum KannelTask {
    /// Print the `sms-service` group that forwards inbound texts to this service.
    Urls,
}

/// The URL holds a secret: with it, a stranger could send STOP for other people's numbers.
pub(super) fn run(task: &KannelTask, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        KannelTask::Urls => Ok(writeln!(
            out,
            "group = sms-service\nkeyword = default\nget-url = \"{}\"\nmax-messages = 0\ncatch-all = \
                true\nomit-empty = true",
            callback::inbound_url(&service.settings, &service.keys)
        )?),
    }
}
