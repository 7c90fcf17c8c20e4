//! `practice-links admin audit …`

use std::io::Write;

use clap::Subcommand;

use crate::cli::Failure;
use crate::kit::PracticeId;
use crate::platform::Service;
use crate::platform::audit::{self, Finding, Report, Verdict};

#[derive(Subcommand)]
pub(crate) enum AuditTask {
    /// Verify the hash chains of the audit log. Fails if an event is missing or was changed.
    Verify {
        /// Verify only the chain of the practice with this id.
        #[arg(long)]
        practice: Option<PracticeId>,
    },
}

pub(super) fn run(task: AuditTask, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    let AuditTask::Verify { practice } = task;
    let verdict = service.read_blocking(|tx| audit::verify(tx.conn, practice.as_ref()))?;
    let Verdict { chains: reports, unchained, unchained_until } = verdict;
    for report in &reports {
        writeln!(out, "{}", line(report))?;
    }
    if let Some(last) = unchained_until {
        writeln!(
            out,
            "{unchained} events up to {last} are older than the hash chains and cannot be verified."
        )?;
    }
    let broken = reports.iter().filter(|report| report.finding.is_some()).count();
    match (broken, reports.len(), practice) {
        (0, 0, Some(id)) => Err(Failure::Refused(format!("{id}: there is no chain for this practice"))),
        (0, chains, _) => {
            let rows: i64 = reports.iter().map(|report| report.rows).sum();
            Ok(writeln!(out, "{rows} events in {chains} chains: complete and unchanged.")?)
        }
        (broken, ..) => Err(Failure::Refused(format!("{broken} of {} chains are broken", reports.len()))),
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
