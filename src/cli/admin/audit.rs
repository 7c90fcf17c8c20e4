//! `practice-links admin audit …`

use std::io::Write;

use clap::Subcommand;

use crate::cli::Failure;
use crate::kit::PracticeId;
use crate::platform::Service;
use crate::platform::event_log::{self, Finding, Report, Verdict};

#[derive(Subcommand)]
pub(crate) enum AuditTask {
    /// Verify the numbers and hash chains of the event log. Fails if an event is missing or was changed.
    Verify {
        /// Verify only the chain of the practice with this id.
        #[arg(long)]
        practice: Option<PracticeId>,
    },
}

pub(super) fn run(task: AuditTask, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    let AuditTask::Verify { practice } = task;
    let verdict = service.read_blocking(|tx| {
        tx.conn.lift_time_limits()?;
        event_log::verify(tx, practice.as_ref())
    })?;
    for report in &verdict.chains {
        writeln!(out, "{}", line(report))?;
    }
    let Verdict {
        unchained,
        unchained_until,
        never_numbered,
        waiting,
        waiting_since,
        missing_numbers,
        forged_numbers,
        ..
    } = verdict;
    if let Some(last) = unchained_until {
        writeln!(
            out,
            "{unchained} events up to {last} are older than the hash chains and cannot be verified."
        )?;
    }
    if never_numbered > 0 {
        writeln!(out, "{never_numbered} events have no number, though later ones have.")?;
    }
    if let Some(since) = waiting_since {
        writeln!(out, "{waiting} events wait for a server to number them, the oldest since {since}.")?;
    }
    if missing_numbers != 0 {
        writeln!(out, "{missing_numbers} numbers of the log are missing.")?;
    }
    if forged_numbers != 0 {
        writeln!(out, "{forged_numbers} numbers were not given by the sequencer.")?;
    }
    match (verdict.is_sound(), verdict.chains.len(), practice) {
        (true, 0, Some(id)) => Err(Failure::Refused(format!("{id}: there is no chain for this practice"))),
        (true, chains, _) => {
            let rows: i64 = verdict.chains.iter().map(|report| report.rows).sum();
            Ok(writeln!(out, "{rows} events in {chains} chains: complete and unchanged.")?)
        }
        (false, chains, _) => {
            let broken = verdict.chains.iter().filter(|report| report.finding.is_some()).count();
            Err(Failure::Refused(match broken {
                0 => "the event log is incomplete".to_owned(),
                broken => format!("{broken} of {chains} chains are broken"),
            }))
        }
    }
}

fn line(Report { chain, rows, finding }: &Report) -> String {
    match finding {
        None => format!("{chain}: {rows} events"),
        Some(Finding::Missing { seq }) => format!("{chain}: event {seq} is missing"),
        Some(Finding::Changed { seq, id }) => format!("{chain}: event {seq} ({id}) was changed"),
        Some(Finding::Head) => format!("{chain}: its head is missing or does not match event {rows}"),
    }
}
