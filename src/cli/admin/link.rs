//! `practice-links admin link …`

use std::io::Write;

use clap::{Args, Subcommand};

use super::super::Failure;
use crate::app::App;
use crate::db::Conn;
use crate::links::details::{self, Unwritable};
use crate::links::{self, Change, EndpointRefusal, Link, NewLink, PRACTICE, People, State, Visible};
use crate::practices;
use crate::staff;

/// Who the audit says it was.
const OPERATOR: &str = "operator";

/// `admin link …`
#[derive(Subcommand)]
pub enum LinkTask {
    /// Make a further link, behind a fresh code or an imported one.
    Create(Box<NewArguments>),
    /// Pause a link, or make it active again.
    Change {
        /// The link's id.
        id: String,
        /// `active` or `paused`.
        #[arg(long, value_parser = ["active", "paused"])]
        state: String,
    },
    /// Retire a link: it leads where another one leads, for ever.
    Retire {
        /// The link's id.
        id: String,
        /// The other link's id; by default the practice's default link.
        #[arg(long)]
        forward_to: Option<String>,
    },
    /// List a practice's links.
    List {
        /// The practice's id.
        #[arg(long)]
        practice: String,
    },
}

/// What a new link is made of.
#[derive(Args)]
pub struct NewArguments {
    /// The practice's id.
    #[arg(long)]
    practice: String,
    /// What the practice calls it.
    #[arg(long)]
    label: String,
    /// A tag of its conversations; may be given several times.
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// The first entry of its conversations.
    #[arg(long)]
    welcome: Option<String>,
    /// Who sees its conversations: `practice`, a team's id or a staff member's.
    #[arg(long, default_value = PRACTICE)]
    owner: String,
    /// A staff member who shares them; may be given several times.
    #[arg(long = "member")]
    members: Vec<String>,
    /// The staff member who answers them.
    #[arg(long)]
    assignee: Option<String>,
    /// A staff member who is told of new ones; may be given several times.
    #[arg(long)]
    notify: Vec<String>,
    /// Keep the practice's name out of previews, texts and e-mails.
    #[arg(long)]
    discreet: bool,
    /// A code of 6 to 12 digits that hangs on walls already.
    #[arg(long)]
    code: Option<String>,
}

/// Runs `task`.
pub fn run(task: LinkTask, app: &App, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        LinkTask::Create(new) => create(*new, app, out),
        LinkTask::Change { id, state } => {
            change(app, &id, &Change { state: State::from_word(&state), ..Change::default() }, out)
        }
        LinkTask::Retire { id, forward_to } => {
            let state = Some(State::Retired);
            change(app, &id, &Change { state, forward_to: Some(forward_to), ..Change::default() }, out)
        }
        LinkTask::List { practice } => {
            let all = |conn: &mut Conn| links::list(conn, &practice, &Visible::All, "", i64::MAX);
            for link in app.write_blocking(|_, conn| all(conn))? {
                writeln!(out, "{}  {}  {}  {}", link.id, link.code, link.state().as_str(), link.label)?;
            }
            Ok(())
        }
    }
}

fn create(new: NewArguments, app: &App, out: &mut dyn Write) -> Result<(), Failure> {
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
    let made = app.write_blocking(|ctx, conn| {
        let practice = practices::find(conn, &link.practice_id)?
            .ok_or_else(|| Failure::Refused("--practice: there is no such practice".into()))?;
        check_people(conn, &link, &people)?;
        let made = links::add(ctx, conn, OPERATOR, &practice, &link, &people, new.code.as_deref());
        made.map_err(|refusal| failure(&link.practice_id, refusal))
    })?;
    Ok(writeln!(out, "{}  {}\n{}/{}", made.id, made.label, app.config.public_url, made.code)?)
}

fn unwritable(argument: &str, why: Unwritable) -> Failure {
    Failure::Refused(format!("{argument}: {why}"))
}

fn is_code(code: &str) -> bool {
    (6..=12).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())
}

fn check_people(conn: &mut Conn, link: &NewLink, people: &People) -> Result<(), Failure> {
    let practice = link.practice_id.as_str();
    let owner = std::slice::from_ref(&link.owner);
    let owner_is_ours = match links::owner_kind(&link.owner) {
        "practice" => true,
        "team" => staff::has_team(conn, practice, &link.owner)?,
        _ => staff::all_work_at(conn, practice, owner)?,
    };
    if !owner_is_ours {
        return Err(Failure::Refused("--owner: is no team or staff member of this practice".into()));
    }
    let named = [
        ("--member", people.members.as_slice()),
        ("--notify", &people.notify),
        ("--assignee", link.assignee_id.as_slice()),
    ];
    for (argument, ids) in named {
        if !staff::all_work_at(conn, practice, ids)? {
            return Err(Failure::Refused(format!("{argument}: is no staff member of this practice")));
        }
    }
    Ok(())
}

fn change(app: &App, id: &str, change: &Change, out: &mut dyn Write) -> Result<(), Failure> {
    let changed = app.write_blocking(|ctx, conn| {
        let link: Link =
            links::find(conn, id)?.ok_or_else(|| Failure::Refused(format!("{id}: there is no such link")))?;
        let changed = links::change(ctx, conn, OPERATOR, &link.practice_id, id, change);
        changed.map_err(|refusal| failure(id, refusal))
    })?;
    Ok(writeln!(out, "{}  {}  {}", changed.id, changed.code, changed.state().as_str())?)
}

fn failure(id: &str, refusal: EndpointRefusal) -> Failure {
    match refusal {
        EndpointRefusal::Db(error) => error.into(),
        EndpointRefusal::PlanRequired => {
            Failure::Refused(format!("{id}: further links belong to the communicator plan"))
        }
        EndpointRefusal::CodeTaken => {
            Failure::Refused("--code: belongs to a link already, and always will".into())
        }
        EndpointRefusal::StateFixed(why) => Failure::Refused(format!("{id}: {why}")),
        other => Failure::Refused(format!("{id}: {other}")),
    }
}
