//! `practice-links admin link …`

use std::fmt::Display;
use std::io::Write;

use clap::{Args, Subcommand};

use super::one_of;
use crate::cli::Failure;
use crate::domain::links::details::{self, InvalidText};
use crate::domain::links::{self, Change, Link, ManageError, NewLink, Owner, People, State};
use crate::domain::{practices, staff};
use crate::kit::{LinkId, PracticeId, StaffId};
use crate::platform::event_log::Actor;
use crate::platform::{Service, Tx};

#[derive(Subcommand)]
pub(crate) enum LinkTask {
    /// Create another link, with a new code or an imported one.
    Create(Box<NewArguments>),
    /// Pause a link or make it active again.
    Change {
        /// The id of the link, such as `lnk_…`.
        id: LinkId,
        /// The new state: `active` or `paused`.
        #[arg(long, value_parser = one_of(&[State::Active, State::Paused]))]
        state: State,
    },
    /// Retire a link permanently: it forwards to another link.
    Retire {
        /// The id of the link, such as `lnk_…`.
        id: LinkId,
        /// The id of the link to forward to. Default: the practice's default link.
        #[arg(long)]
        forward_to: Option<LinkId>,
    },
    /// List the links of a practice.
    List {
        /// The id of the practice, such as `prc_…`.
        #[arg(long)]
        practice: PracticeId,
    },
}

/// The arguments of `admin link create`.
#[derive(Args)]
pub(crate) struct NewArguments {
    /// The id of the practice, such as `prc_…`.
    #[arg(long)]
    practice: PracticeId,
    /// The name of the link, visible only to the practice.
    #[arg(long)]
    label: String,
    /// A tag for its conversations. Repeat for several tags.
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// The first message of its conversations.
    #[arg(long)]
    welcome: Option<String>,
    /// Who can see its conversations: `practice`, or the id of a team or staff member.
    #[arg(long, default_value_t = Owner::Practice)]
    owner: Owner,
    /// The id of a staff member who can also see them. Repeat for several.
    #[arg(long = "member")]
    members: Vec<StaffId>,
    /// The id of the staff member who is assigned new conversations.
    #[arg(long)]
    assignee: Option<StaffId>,
    /// The id of a staff member to notify of new patients. Repeat for several.
    #[arg(long)]
    notify: Vec<StaffId>,
    /// Keep the practice's name out of previews, texts and e-mails.
    #[arg(long)]
    discreet: bool,
    /// An existing printed code of 6 to 12 digits. Default: a new code.
    #[arg(long)]
    code: Option<String>,
}

pub(super) fn run(task: LinkTask, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        LinkTask::Create(new) => create(*new, service, out),
        LinkTask::Change { id, state } => {
            change(service, &id, &Change { state: Some(state), ..Change::default() }, out)
        }
        LinkTask::Retire { id, forward_to } => {
            let state = Some(State::Retired);
            change(service, &id, &Change { state, forward_to: Some(forward_to), ..Change::default() }, out)
        }
        LinkTask::List { practice } => {
            for link in service.write_blocking(|tx| links::list_all(tx, &practice))? {
                writeln!(out, "{}  {}  {}  {}", link.id, link.code, link.state, link.label)?;
            }
            Ok(())
        }
    }
}

fn create(new: NewArguments, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    let people = People { members: new.members, notify: new.notify };
    let welcome = new.welcome.as_deref().map(details::welcome).transpose();
    let link = NewLink {
        tags: details::tags(&new.tags).map_err(|why| invalid_text("--tag", why))?,
        welcome: welcome.map_err(|why| invalid_text("--welcome", why))?,
        owner: new.owner,
        assignee_id: new.assignee,
        discreet: new.discreet,
        ..NewLink::plain(&details::label(&new.label).map_err(|why| invalid_text("--label", why))?)
    };
    if new.code.as_ref().is_some_and(|code| !links::is_code(code)) {
        return Err(Failure::Refused("--code: must have 6 to 12 digits".into()));
    }
    let created = service.write_blocking(|tx| {
        let practice = practices::find(tx, &new.practice)?
            .ok_or_else(|| Failure::Refused("--practice: there is no such practice".into()))?;
        check_people(tx, &practice.id, &link, &people)?;
        let created = links::add(tx, Actor::Operator, &practice, &link, &people, new.code.as_deref());
        created.map_err(|error| failure(&practice.id, error))
    })?;
    let url = format!("{}/{}", service.settings.public_url, created.code);
    Ok(writeln!(out, "{}  {}\n{url}", created.id, created.label)?)
}

fn invalid_text(argument: &str, why: InvalidText) -> Failure {
    Failure::Refused(format!("{argument}: {why}"))
}

fn check_people(
    tx: &mut Tx,
    practice_id: &PracticeId,
    link: &NewLink,
    people: &People,
) -> Result<(), Failure> {
    if !links::owner_exists(tx, practice_id, &link.owner)? {
        return Err(Failure::Refused("--owner: is not a team or staff member of this practice".into()));
    }
    let named = [
        ("--member", people.members.as_slice()),
        ("--notify", &people.notify),
        ("--assignee", link.assignee_id.as_slice()),
    ];
    for (argument, ids) in named {
        if !staff::all_work_at(tx, practice_id, ids)? {
            return Err(Failure::Refused(format!("{argument}: is not a staff member of this practice")));
        }
    }
    Ok(())
}

fn change(service: &Service, id: &LinkId, change: &Change, out: &mut dyn Write) -> Result<(), Failure> {
    let changed = service.write_blocking(|tx| {
        let link: Link =
            links::find(tx, id)?.ok_or_else(|| Failure::Refused(format!("{id}: there is no such link")))?;
        let changed = links::edit(tx, Actor::Operator, &link.practice_id, id, change);
        changed.map_err(|error| failure(id, error))
    })?;
    Ok(writeln!(out, "{}  {}  {}", changed.id, changed.code, changed.state)?)
}

fn failure(id: &impl Display, error: ManageError) -> Failure {
    match error {
        ManageError::Db(error) => error.into(),
        ManageError::PlanRequired => {
            Failure::Refused(format!("{id}: additional links require the communicator plan"))
        }
        ManageError::CodeTaken => {
            Failure::Refused("--code: is already used by a link and cannot be reused".into())
        }
        ManageError::StateFixed(why) => Failure::Refused(format!("{id}: {why}")),
        other => Failure::Refused(format!("{id}: {other}")),
    }
}
