//! Pairings, and the conversations that they open in the practice's inbox.
//!
//! A pairing is a patient's, not an account's: a parent's phone may hold a child. It comes into being with
//! its conversation, the link's tags, the welcome, the audit event and the practice's notice, all in the
//! transaction of the sign-up that caused it.

pub mod inbox;
mod store;
mod telling;
mod view;

pub use store::{Entry, PatientCard, restricted};
pub use view::{Conversation, Pairing, PairingSource};

use serde_json::json;

use crate::app::Ctx;
use crate::audit;
use crate::db::{self, Conn};
use crate::funnel::{self, Step};
use crate::kit::Language;
use crate::links::Destination;
use crate::notices;
use crate::webhooks::{self, Fact};

/// A patient and a practice about to be paired.
pub struct NewPairing<'a> {
    /// The account that asks.
    pub account_id: &'a str,
    /// The person it is about.
    pub patient_id: &'a str,
    /// The sign-in that asked.
    pub session_id: &'a str,
    /// The link and its practice.
    pub to: &'a Destination,
    /// How the link reached the device: a link token's source, or `phone_first`.
    pub method: &'static str,
}

/// A pairing with its conversation.
pub struct Paired {
    /// The pairing.
    pub pairing: Pairing,
    /// Its conversation.
    pub conversation: Conversation,
    /// Whether this call made them.
    pub is_new: bool,
}

/// Pairs, or finds the pairing that is there; then the tags of a link that is new to it join the conversation.
pub fn pair(ctx: &Ctx, conn: &mut Conn, new: &NewPairing<'_>) -> db::Result<Paired> {
    if let Some(pairing_id) = store::insert_pairing(conn, &ctx.id("pai"), new, ctx.now)? {
        open_conversation(ctx, conn, new, &pairing_id)?;
        return paired(conn, &pairing_id, true);
    }
    let pairing_id = store::open_pairing_id(conn, new)?;
    if store::insert_visit(conn, &pairing_id, &new.to.link.id, ctx.now)? {
        second_link(ctx, conn, new, &pairing_id)?;
    }
    paired(conn, &pairing_id, false)
}

/// Notes that a paired patient came through another link, once a link. Who opens the first one again, or the
/// second one twice, has told nothing new, and what the link says by then leaves the conversation alone.
fn second_link(ctx: &Ctx, conn: &mut Conn, new: &NewPairing<'_>, pairing_id: &str) -> db::Result<()> {
    let conversation_id = store::conversation_id(conn, pairing_id)?;
    store::add_tags(conn, &conversation_id, &new.to.endpoint.tags())?;
    system(ctx, conn, &conversation_id, words(new.to.practice.language()).second_link)?;
    audit::record(
        ctx,
        conn,
        &audit::Event {
            practice_id: Some(&new.to.practice.id),
            actor: new.account_id,
            action: "pairing.link_opened",
            subject: pairing_id,
            detail: json!({ "link": new.to.link.id, "source": new.method }),
        },
    )
}

/// The pairing of `id`, whoever's it is, with its conversation.
pub fn paired(conn: &mut Conn, pairing_id: &str, is_new: bool) -> db::Result<Paired> {
    let pairing = store::pairing(conn, pairing_id)?;
    let conversation = store::conversation_of(conn, pairing_id)?;
    Ok(Paired { pairing, conversation, is_new })
}

fn open_conversation(ctx: &Ctx, conn: &mut Conn, new: &NewPairing<'_>, pairing_id: &str) -> db::Result<()> {
    let practice = &new.to.practice;
    let id = ctx.id("cnv");
    store::insert_conversation(conn, &id, pairing_id, new.to, ctx.now)?;
    store::insert_visit(conn, pairing_id, &new.to.link.id, ctx.now)?;
    store::add_tags(conn, &id, &new.to.endpoint.tags())?;
    if let Some(welcome) = &new.to.endpoint.welcome {
        let welcome = NewEntry { kind: "welcome", author: "practice", author_id: None, body: welcome };
        place(ctx, conn, &id, &welcome)?;
    }
    let connected = words(practice.language()).connected.replace("{}", &practice.name);
    place(ctx, conn, &id, &NewEntry::system(&connected))?;
    telling::created(ctx, conn, new, pairing_id, &id)?;
    audit::record(
        ctx,
        conn,
        &audit::Event {
            practice_id: Some(&practice.id),
            actor: new.account_id,
            action: "pairing.created",
            subject: pairing_id,
            detail: json!({ "link": new.to.link.id, "source": new.method, "conversation": id }),
        },
    )?;
    funnel::record(ctx, conn, &new.to.link.id, Step::Paired)?;
    notices::announce_pairing(ctx, conn, new.to, pairing_id)?;
    tell_machines(ctx, conn, new, pairing_id, &id)
}

fn tell_machines(
    ctx: &Ctx,
    conn: &mut Conn,
    new: &NewPairing<'_>,
    pairing_id: &str,
    conversation_id: &str,
) -> db::Result<()> {
    let (patient_id, link_id, method) = (new.patient_id, new.to.link.id.as_str(), new.method);
    let paired = Fact::PairingCreated { pairing_id, conversation_id, patient_id, link_id, method };
    let opened = Fact::ConversationCreated { conversation_id, pairing_id, patient_id, link_id };
    webhooks::emit(ctx, conn, &new.to.practice.id, &[paired, opened])
}

/// Whether a text can be a message: 1 to 4,000 characters, and not of white space alone.
pub fn is_message(body: &str) -> bool {
    !body.trim().is_empty() && body.chars().count() <= 4_000
}

/// An entry to be appended.
pub struct NewEntry<'a> {
    /// `welcome`, `system` or `message`.
    pub kind: &'a str,
    /// `practice`, `patient` or `system`.
    pub author: &'a str,
    /// Which of the practice's people.
    pub author_id: Option<&'a str>,
    /// The text.
    pub body: &'a str,
}

impl<'a> NewEntry<'a> {
    fn system(body: &'a str) -> Self {
        Self { kind: "system", author: "system", author_id: None, body }
    }

    /// A message of the patient's.
    pub fn of_patient(body: &'a str) -> Self {
        Self { kind: "message", author: "patient", author_id: None, body }
    }
}

/// Appends to a conversation, and tells both sides; `None` when it is closed.
pub fn append(
    ctx: &Ctx,
    conn: &mut Conn,
    conversation_id: &str,
    new: &NewEntry<'_>,
) -> db::Result<Option<Entry>> {
    let Some((entry, placed)) = place(ctx, conn, conversation_id, new)? else { return Ok(None) };
    telling::entry(ctx, conn, conversation_id, &placed, &entry)?;
    Ok(Some(entry))
}

fn place(
    ctx: &Ctx,
    conn: &mut Conn,
    conversation_id: &str,
    new: &NewEntry<'_>,
) -> db::Result<Option<(Entry, store::Placed)>> {
    let by_patient = new.author == "patient";
    // The counter's row lock puts concurrent entries one after the other, so positions have no gaps.
    let Some(placed) = store::next_position(conn, conversation_id, by_patient, ctx.now)? else {
        return Ok(None);
    };
    let entry = store::insert_entry(conn, &ctx.id("ent"), conversation_id, placed.position, new, ctx.now)?;
    Ok(Some((entry, placed)))
}

fn system(ctx: &Ctx, conn: &mut Conn, conversation_id: &str, body: &str) -> db::Result<()> {
    append(ctx, conn, conversation_id, &NewEntry::system(body)).map(drop)
}

/// Up to `limit` entries after `position`, in order.
pub fn entries(conn: &mut Conn, conversation_id: &str, after: i32, limit: i64) -> db::Result<Vec<Entry>> {
    store::entries(conn, conversation_id, after, limit)
}

/// Which of an account's pairings a sign-in may see.
#[derive(Clone, Copy)]
pub enum Sight<'a> {
    /// All of them: for the account's own end.
    All,
    /// Those that no restricted sign-in made: they may be another person's, who has the number now.
    Confirmed,
    /// Those that this sign-in itself made: numbers are recycled, and a proven number never reopens
    /// somebody's messages.
    MadeBy(&'a str),
}

/// An account's living pairings that `sight` lets through, oldest first, after the pairing `after`.
pub fn list(
    conn: &mut Conn,
    account_id: &str,
    sight: Sight<'_>,
    after: &str,
    limit: i64,
) -> db::Result<Vec<Paired>> {
    let ids = store::open_pairings(conn, account_id, sight, after, limit)?;
    ids.iter().map(|id| paired(conn, id, false)).collect()
}

/// The conversation of `id`, where it is the account's and in sight.
pub fn find(
    conn: &mut Conn,
    account_id: &str,
    sight: Sight<'_>,
    id: &str,
) -> db::Result<Option<Conversation>> {
    store::conversation_in_sight(conn, account_id, sight, id)
}

/// Those of `ids` that are the account's and in sight.
pub fn in_sight_among(
    conn: &mut Conn,
    account_id: &str,
    sight: Sight<'_>,
    ids: &[String],
) -> db::Result<Vec<String>> {
    store::in_sight_among(conn, account_id, sight, ids)
}

/// Notes that the patient has read up to a position, and tells the practice; how far they have read by then.
pub fn read_by_patient(ctx: &Ctx, conn: &mut Conn, id: &str, position: i32) -> db::Result<i32> {
    let Some(held) = store::hold(conn, id)? else { return Ok(0) };
    let read = position.min(held.entry_count);
    if read <= held.patient_read_position {
        return Ok(held.patient_read_position);
    }
    store::set_patient_read(conn, id, read)?;
    telling::read(ctx, conn, &held, id, "patient", read)?;
    Ok(read)
}

/// Ends a pairing: the conversation closes, and both sides can read that it did. `false` when there is no
/// such pairing in sight.
pub fn leave(
    ctx: &Ctx,
    conn: &mut Conn,
    account_id: &str,
    sight: Sight<'_>,
    pairing_id: &str,
) -> db::Result<bool> {
    let Some(practice_id) = store::end_pairing(conn, account_id, sight, pairing_id, ctx.now)? else {
        return Ok(false);
    };
    let conversation_id = store::conversation_id(conn, pairing_id)?;
    let language = practice_language(conn, &practice_id)?;
    system(ctx, conn, &conversation_id, words(language).left)?;
    let entries = store::close_conversation(conn, &conversation_id)?;
    telling::changed(ctx, conn, &practice_id, Some(account_id), &conversation_id, entries)?;
    audit::record(
        ctx,
        conn,
        &audit::Event {
            practice_id: Some(&practice_id),
            actor: account_id,
            action: "pairing.ended",
            subject: pairing_id,
            detail: json!({}),
        },
    )?;
    Ok(true)
}

/// Tells every practice of an account, in the conversation and by e-mail, that a new device signed in.
pub fn announce_new_device(ctx: &Ctx, conn: &mut Conn, account_id: &str, session_id: &str) -> db::Result<()> {
    for pairing_id in store::open_pairings(conn, account_id, Sight::All, "", i64::MAX)? {
        let paired = paired(conn, &pairing_id, false)?;
        let language = practice_language(conn, &paired.pairing.practice.id)?;
        system(ctx, conn, &paired.conversation.id, words(language).new_device)?;
        let Pairing { practice, source, .. } = &paired.pairing;
        notices::announce_new_device(ctx, conn, &practice.id, source.link_id.as_deref(), session_id)?;
    }
    Ok(())
}

fn practice_language(conn: &mut Conn, practice_id: &str) -> db::Result<Language> {
    Ok(crate::practices::find(conn, practice_id)?.map(|practice| practice.language()).unwrap_or_default())
}

/// What the system says in a conversation.
struct Words {
    connected: &'static str,
    second_link: &'static str,
    left: &'static str,
    new_device: &'static str,
}

fn words(language: Language) -> Words {
    match language {
        Language::En => Words {
            connected: "Connected with {}.",
            second_link: "Another link of this practice was opened.",
            left: "The patient left. This conversation is closed.",
            new_device: "This patient signed in on a new device. Messages from before stay hidden there.",
        },
        Language::Es => Words {
            connected: "Conexión establecida con {}.",
            second_link: "Se abrió otro enlace de este consultorio.",
            left: "El paciente se fue. Esta conversación está cerrada.",
            new_device: "Este paciente inició sesión en otro dispositivo. Los mensajes anteriores no se ven allí.",
        },
    }
}
