//! `practice-links admin link …`

use std::fmt::Display;
use std::io::Write;

use clap::{Args, Subcommand};

use crate::cli::Failure;
use crate::domain::links::details::{self, Unwritable};
use crate::domain::links::{self, Change, EndpointRefusal, Link, NewLink, PRACTICE, People, State, Visible};
use crate::domain::practices;
use crate::domain::staff;
use crate::kit::ids::{LinkId, PracticeId, StaffId, TeamId};
use crate::platform::tx::{Service, Tx};

/// The actor in the audit log.
const OPERATOR: &str = "operator";

#[derive(Subcommand)]
pub enum LinkTask {
    /// Create another link, with a new code or an imported one.
    Create(Box<NewArguments>),
    /// Pause a link or make it active again.
    Change {
        /// The id of the link, such as `lnk_…`.
        id: LinkId,
        /// The new state: `active` or `paused`.
        #[arg(long, value_parser = ["active", "paused"])]
        state: String,
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
pub struct NewArguments {
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
    #[arg(long, default_value = PRACTICE)]
    owner: String,
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

pub fn run(task: LinkTask, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        LinkTask::Create(new) => create(*new, service, out),
        LinkTask::Change { id, state } => {
            change(service, &id, &Change { state: State::from_word(&state), ..Change::default() }, out)
        }
        LinkTask::Retire { id, forward_to } => {
            let state = Some(State::Retired);
            change(service, &id, &Change { state, forward_to: Some(forward_to), ..Change::default() }, out)
        }
        LinkTask::List { practice } => {
            let all = |tx: &mut Tx| links::list(tx, &practice, &Visible::All, "", i64::MAX);
            for link in service.write_blocking(|tx| all(tx))? {
                writeln!(out, "{}  {}  {}  {}", link.id, link.code, link.state().as_str(), link.label)?;
            }
            Ok(())
        }
    }
}

fn create(new: NewArguments, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    let people = People { members: new.members, notify: new.notify };
    let link = NewLink {
        tags: details::tags(&new.tags).map_err(|why| unwritable("--tag", why))?,
        welcome: new
            .welcome
            .map(|text| details::welcome(&text).map_err(|why| unwritable("--welcome", why)))
            .transpose()?,
        owner: new.owner,
        assignee_id: new.assignee,
        discreet: new.discreet,
        ..NewLink::plain(
            &new.practice,
            &details::label(&new.label).map_err(|why| unwritable("--label", why))?,
        )
    };
    if new.code.as_ref().is_some_and(|code| !is_code(code)) {
        return Err(Failure::Refused("--code: must have 6 to 12 digits".into()));
    }
    let made = service.write_blocking(|tx| {
        let practice = practices::find(tx, &link.practice_id)?
            .ok_or_else(|| Failure::Refused("--practice: there is no such practice".into()))?;
        check_people(tx, &link, &people)?;
        let made = links::add(tx, OPERATOR, &practice, &link, &people, new.code.as_deref());
        made.map_err(|refusal| failure(&link.practice_id, refusal))
    })?;
    Ok(writeln!(out, "{}  {}\n{}/{}", made.id, made.label, service.settings.public_url, made.code)?)
}

fn unwritable(argument: &str, why: Unwritable) -> Failure {
    Failure::Refused(format!("{argument}: {why}"))
}

fn is_code(code: &str) -> bool {
    (6..=12).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())
}

fn check_people(tx: &mut Tx, link: &NewLink, people: &People) -> Result<(), Failure> {
    let practice = &link.practice_id;
    let owner = link.owner.as_str();
    let owner_is_ours = match links::owner_kind(owner) {
        "practice" => true,
        "team" => staff::has_team(tx, practice, &TeamId::from(owner))?,
        _ => staff::all_work_at(tx, practice, &[StaffId::from(owner)])?,
    };
    if !owner_is_ours {
        return Err(Failure::Refused("--owner: is not a team or staff member of this practice".into()));
    }
    let named = [
        ("--member", people.members.as_slice()),
        ("--notify", &people.notify),
        ("--assignee", link.assignee_id.as_slice()),
    ];
    for (argument, ids) in named {
        if !staff::all_work_at(tx, practice, ids)? {
            return Err(Failure::Refused(format!("{argument}: is not a staff member of this practice")));
        }
    }
    Ok(())
}

fn change(service: &Service, id: &LinkId, change: &Change, out: &mut dyn Write) -> Result<(), Failure> {
    let changed = service.write_blocking(|tx| {
        let link: Link =
            links::find(tx, id)?.ok_or_else(|| Failure::Refused(format!("{id}: there is no such link")))?;
        let changed = links::change(tx, OPERATOR, &link.practice_id, id, change);
        changed.map_err(|refusal| failure(id, refusal))
    })?;
    Ok(writeln!(out, "{}  {}  {}", changed.id, changed.code, changed.state().as_str())?)
}

fn failure(id: &impl Display, refusal: EndpointRefusal) -> Failure {
    match refusal {
        EndpointRefusal::Db(error) => error.into(),
        EndpointRefusal::PlanRequired => {
            Failure::Refused(format!("{id}: additional links require the communicator plan"))
        }
        EndpointRefusal::CodeTaken => {
            Failure::Refused("--code: is already used by a link and cannot be reused".into())
        }
        EndpointRefusal::StateFixed(why) => Failure::Refused(format!("{id}: {why}")),
        other => Failure::Refused(format!("{id}: {other}")),
    }
}
