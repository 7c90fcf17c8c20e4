//! `practice-links admin staff …` and `admin team …`

use std::io::Write;

use clap::Subcommand;
use strum::VariantArray as _;

use super::{address, one_line, one_of};
use crate::cli::Failure;
use crate::domain::practices;
use crate::domain::staff::{self, NewMember, Role, password_link, people};
use crate::kit::{Email, PracticeId, StaffId};
use crate::platform::Service;
use crate::platform::event_log::Actor;

#[derive(Subcommand)]
pub(crate) enum StaffTask {
    /// Create a staff member and print a link to choose a password; it works once, within 7 days. In
    /// development, also print a token that replaces signing in.
    Create {
        /// The id of the practice, such as `prc_…`.
        #[arg(long)]
        practice: PracticeId,
        /// The e-mail address for signing in.
        #[arg(long)]
        email: String,
        /// The name that colleagues see.
        #[arg(long)]
        name: String,
        /// The role: `admin`, `member` or `support`.
        #[arg(long, default_value_t = Role::Member, value_parser = one_of(Role::VARIANTS))]
        role: Role,
    },
    /// Remove a staff member's second factor and end their sessions. The next sign-in sets up a new one.
    ResetTotp {
        /// The e-mail address for signing in.
        #[arg(long)]
        email: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum TeamTask {
    /// Create a team of staff members.
    Create {
        /// The id of the practice, such as `prc_…`.
        #[arg(long)]
        practice: PracticeId,
        /// The name of the team.
        #[arg(long)]
        name: String,
        /// The id of a member. Repeat for several members.
        #[arg(long = "member")]
        members: Vec<StaffId>,
    },
}

pub(super) fn run(task: StaffTask, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        StaffTask::Create { practice, email, name, role } => {
            let new = NewMember { email: address(&email)?, name: one_line("--name", &name)?, role };
            create(&practice, &new, service, out)
        }
        StaffTask::ResetTotp { email } => reset_totp(&address(&email)?, service, out),
    }
}

fn create(
    practice_id: &PracticeId,
    new: &NewMember,
    service: &Service,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (member, url, token) = service.write_blocking(|tx| {
        if practices::find(tx, practice_id)?.is_none() {
            return Err(Failure::Refused("--practice: there is no such practice".into()));
        }
        let member = staff::create(tx, practice_id, new)?
            .ok_or_else(|| Failure::Refused("--email: already belongs to a staff member".into()))?;
        let url = password_link::invitation(tx, &member)?;
        let url = password_link::url(tx, &url);
        let token = staff::mint_token(tx, &member);
        Ok((member, url, token))
    })?;
    writeln!(out, "{}  {}", member.id, member.name)?;
    writeln!(out, "welcome  {url}")?;
    if let Some(token) = token.filter(|_| service.settings.is_development()) {
        writeln!(out, "token  {}", token.token.expose())?;
    }
    Ok(())
}

fn reset_totp(email: &Email, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    let member = service.write_blocking(|tx| -> Result<_, Failure> {
        let member = people::find_by_email(tx, email)?
            .ok_or_else(|| Failure::Refused("--email: no staff member has this address".into()))?;
        people::reset_totp(tx, Actor::Operator, &member)?;
        Ok(member)
    })?;
    Ok(writeln!(out, "{} must set up a new second factor at the next sign-in.", member.id)?)
}

pub(super) fn run_team(task: TeamTask, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    let TeamTask::Create { practice, name, members } = task;
    let name = one_line("--name", &name)?;
    let team = service.write_blocking(|tx| {
        if practices::find(tx, &practice)?.is_none() {
            return Err(Failure::Refused("--practice: there is no such practice".into()));
        }
        if !staff::all_work_at(tx, &practice, &members)? {
            return Err(Failure::Refused("--member: is not a staff member of this practice".into()));
        }
        staff::create_team(tx, &practice, &name, &members)?
            .ok_or_else(|| Failure::Refused("--name: the practice already has a team with this name".into()))
    })?;
    Ok(writeln!(out, "{}  {}", team.id, team.name)?)
}
