//! `practice-links admin practice …`

use std::io::Write;

use clap::Subcommand;
use serde_json::json;

use super::{address, no_code, one_line};
use crate::cli::Failure;
use crate::domain::links::{self, NewLink};
use crate::domain::practices::{self, NewPractice};
use crate::kit::Language;
use crate::platform::audit;
use crate::platform::db::{self, Conn};
use crate::platform::tx::{App, Ctx};

#[derive(Subcommand)]
pub enum PracticeTask {
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
        #[arg(long, default_value = "basic", value_parser = ["basic", "communicator"])]
        plan: String,
        /// The language of the practice: `en` or `es`.
        #[arg(long, default_value = "en", value_parser = ["en", "es"])]
        language: String,
        /// The IANA time zone of the practice.
        #[arg(long, default_value = "America/New_York")]
        time_zone: String,
    },
    /// List all practices with their ids.
    List,
    /// Suspend a practice: until it is resumed, its codes answer as if they did not exist.
    Suspend {
        /// The id of the practice, such as `prc_…`.
        id: String,
    },
    /// Resume a suspended practice.
    Resume {
        /// The id of the practice, such as `prc_…`.
        id: String,
    },
    /// Close a practice and all of its links permanently.
    Close {
        /// The id of the practice, such as `prc_…`.
        id: String,
    },
}

pub fn run(task: PracticeTask, app: &App, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        PracticeTask::List => {
            for practice in app.write_blocking(|_, conn| practices::list(conn))? {
                writeln!(out, "{}  {}, {}", practice.id, practice.name, practice.city)?;
            }
            Ok(())
        }
        PracticeTask::Create { name, city, email, plan, language, time_zone } => {
            let new = NewPractice {
                name: one_line("--name", &name)?,
                city: one_line("--city", &city)?,
                plan,
                language: Language::from_tag(&language).unwrap_or_default(),
                time_zone: known_zone(&time_zone)?,
                notice_email: email.as_deref().map(address).transpose()?,
            };
            create(app, &new, out)
        }
        PracticeTask::Suspend { id } => set_state(app, &id, "practice.suspended", practices::suspend, out),
        PracticeTask::Resume { id } => set_state(app, &id, "practice.resumed", practices::resume, out),
        PracticeTask::Close { id } => set_state(app, &id, "practice.closed", close, out),
    }
}

fn create(app: &App, new: &NewPractice, out: &mut dyn Write) -> Result<(), Failure> {
    let (practice, link) = app.write_blocking(|ctx, conn| {
        let practice = practices::create(ctx, conn, new)?;
        let link = NewLink { is_default: true, ..NewLink::plain(&practice.id, &practice.name) };
        let link = links::create(ctx, conn, &link)?.ok_or_else(no_code)?;
        let (practice_id, action) = (practice.id.as_str(), "practice.created");
        let detail = json!({ "plan": new.plan, "link": link.id });
        let (actor, subject) = ("operator", practice_id);
        let event = audit::Event { practice_id: Some(practice_id), actor, action, subject, detail };
        audit::record(ctx, conn, &event)?;
        Ok::<_, Failure>((practice, link))
    })?;
    Ok(writeln!(out, "{}  {}\n{}/{}", practice.id, practice.name, app.config.public_url, link.code)?)
}

fn close(ctx: &Ctx, conn: &mut Conn, id: &str) -> db::Result<bool> {
    let was_open = practices::close(ctx, conn, id)?;
    if was_open {
        links::close_all(ctx, conn, id)?;
    }
    Ok(was_open)
}

fn set_state(
    app: &App,
    id: &str,
    action: &'static str,
    change: impl FnOnce(&Ctx, &mut Conn, &str) -> db::Result<bool>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    app.write_blocking(|ctx, conn| {
        if !change(ctx, conn, id)? {
            return Err(Failure::Refused(format!("{id}: does not exist, or its state does not allow this")));
        }
        let event =
            audit::Event { practice_id: Some(id), actor: "operator", action, subject: id, detail: json!({}) };
        Ok(audit::record(ctx, conn, &event)?)
    })?;
    Ok(writeln!(out, "{id}: {action}")?)
}

fn known_zone(name: &str) -> Result<String, Failure> {
    practices::time_zone(name)
        .map_err(|_| Failure::Refused(format!("--time-zone: {name} is not an IANA time zone")))
}
