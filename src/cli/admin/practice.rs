//! `practice-links admin practice …`

use std::io::Write;

use clap::Subcommand;
use serde_json::json;
use strum::VariantArray as _;

use super::{address, no_code, one_line, one_of};
use crate::cli::Failure;
use crate::domain::events::EventKind;
use crate::domain::links::{self, NewLink};
use crate::domain::practices::{self, NewPractice, Plan};
use crate::kit::{Language, PracticeId};
use crate::platform::event_log::Actor;
use crate::platform::{Service, Tx, db};

#[derive(Subcommand)]
pub(crate) enum PracticeTask {
    /// Create a practice and its default link.
    Create {
        /// The name that patients see.
        #[arg(long)]
        name: String,
        /// The city where the practice is.
        #[arg(long)]
        city: String,
        /// The e-mail address for the practice's notices.
        #[arg(long)]
        email: Option<String>,
        /// The plan: `basic` or `communicator`.
        #[arg(long, default_value_t = Plan::Basic, value_parser = one_of(Plan::VARIANTS))]
        plan: Plan,
        /// The language of the practice.
        #[arg(long, default_value_t, value_parser = one_of(Language::VARIANTS))]
        language: Language,
        /// The IANA time zone of the practice.
        #[arg(long, default_value = "America/New_York")]
        time_zone: String,
    },
    /// List all practices with their ids.
    List,
    /// Suspend a practice: until it is resumed, its codes answer as if they did not exist.
    Suspend {
        /// The id of the practice, such as `prc_…`.
        id: PracticeId,
    },
    /// Resume a suspended practice.
    Resume {
        /// The id of the practice, such as `prc_…`.
        id: PracticeId,
    },
    /// Close a practice and all of its links permanently.
    Close {
        /// The id of the practice, such as `prc_…`.
        id: PracticeId,
    },
}

pub(super) fn run(task: PracticeTask, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        PracticeTask::List => {
            for practice in service.write_blocking(practices::list)? {
                writeln!(out, "{}  {}, {}", practice.id, practice.name, practice.city)?;
            }
            Ok(())
        }
        PracticeTask::Create { name, city, email, plan, language, time_zone } => {
            let new = NewPractice {
                name: one_line("--name", &name)?,
                city: one_line("--city", &city)?,
                plan,
                language,
                time_zone: known_zone(&time_zone)?,
                notice_email: email.as_deref().map(address).transpose()?,
            };
            create(service, &new, out)
        }
        PracticeTask::Suspend { id } => {
            set_state(service, &id, EventKind::PracticeSuspended, practices::suspend, out)
        }
        PracticeTask::Resume { id } => {
            set_state(service, &id, EventKind::PracticeResumed, practices::resume, out)
        }
        PracticeTask::Close { id } => set_state(service, &id, EventKind::PracticeClosed, close, out),
    }
}

fn create(service: &Service, new: &NewPractice, out: &mut dyn Write) -> Result<(), Failure> {
    let (practice, link) = service.write_blocking(|tx| {
        let practice = practices::create(tx, new)?;
        let link = NewLink { is_default: true, ..NewLink::plain(&practice.name) };
        let link = links::create_with_random_code(tx, &practice.id, &link)?.ok_or_else(no_code)?;
        let detail = json!({ "plan": new.plan, "link": link.id });
        tx.emit(Some(&practice.id), Actor::Operator, EventKind::PracticeCreated, &practice.id, detail);
        Ok::<_, Failure>((practice, link))
    })?;
    Ok(writeln!(out, "{}  {}\n{}/{}", practice.id, practice.name, service.settings.public_url, link.code)?)
}

fn close(tx: &mut Tx, id: &PracticeId) -> db::Result<bool> {
    let was_open = practices::close(tx, id)?;
    if was_open {
        links::close_all(tx, id)?;
    }
    Ok(was_open)
}

fn set_state(
    service: &Service,
    id: &PracticeId,
    kind: EventKind,
    change: impl FnOnce(&mut Tx, &PracticeId) -> db::Result<bool>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    service.write_blocking(|tx| {
        if !change(tx, id)? {
            return Err(Failure::Refused(format!("{id}: does not exist, or its state does not allow this")));
        }
        tx.emit(Some(id), Actor::Operator, kind, id, json!({}));
        Ok(())
    })?;
    Ok(writeln!(out, "{id}: {kind}")?)
}

fn known_zone(name: &str) -> Result<String, Failure> {
    practices::time_zone(name)
        .map_err(|_| Failure::Refused(format!("--time-zone: {name} is not an IANA time zone")))
}
