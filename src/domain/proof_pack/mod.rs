//! The proof of identity: one page that says who a conversation's patient is, how, when and by which staff
//! member that was confirmed, through which link or invite they came, and which texts were shown.

pub mod labels;

use std::collections::HashMap;

use jiff::tz::TimeZone;
use serde_json::json;

use crate::domain::conversations::EntryKind;
use crate::domain::events::EventKind;
use crate::domain::identity::{self, Decision, Error, IdentityCheck, grading};
use crate::domain::inbox::{self, InboxEntry, Reader};
use crate::domain::practices::Practice;
use crate::domain::printing::{FactSheet, Section};
use crate::domain::staff::{self, Staff};
use crate::kit::{ConversationId, Language, StaffId, Timestamp};
use crate::platform::event_log::{self, Filter};
use crate::platform::{Tx, db};

/// The page has room for this many decisions; of a longer history the first and the last ones are printed.
const MOST_DECISIONS: usize = 8;
/// The longest text that is quoted in full, in characters.
const MOST_QUOTED: usize = 400;
/// Characters for all notes together; each gets an equal share, so that the sections after them still fit.
const MOST_NOTED: usize = 1_200;

/// Builds the page of a conversation, and records the export in the audit log.
pub fn export(
    tx: &mut Tx,
    who: &Staff,
    id: &ConversationId,
    language: Option<Language>,
) -> Result<FactSheet, Error> {
    let check = identity::check::find(tx, who, id)?;
    let practice = staff::practice(tx, who)?;
    let language = language.unwrap_or(practice.language);
    let reader = Reader::of(tx, who)?;
    let entries = inbox::entries(tx, &reader, id, 0, 3)?;
    let names = names(tx, &check, &who.staff_id)?;
    let page = Page { language, zone: practice.zone(), names, check: &check };
    let sections =
        vec![page.person(), page.source(&entries), page.state(), page.decisions(), page.texts(&entries)];
    who.note(tx, EventKind::IdentityExported, id, json!({}));
    Ok(FactSheet {
        title: language.text("proof-title").to_owned(),
        subtitle: subtitle(&practice, id),
        sections,
        footer: footer(tx, &page, &practice, &who.staff_id)?,
        language,
    })
}

fn subtitle(practice: &Practice, id: &ConversationId) -> String {
    format!("{}, {} · {id}", practice.name, practice.city)
}

/// The author of the page, and the last event of the practice's audit chain: anyone who doubts the page can
/// compare it with the audit log.
fn footer(tx: &mut Tx, page: &Page<'_>, practice: &Practice, staff_id: &StaffId) -> db::Result<String> {
    let last = event_log::list(tx.conn, &practice.id, &Filter::default(), "", 1)?.pop();
    let created = page.language.text_with(
        "proof-created-by",
        &[("by", page.name(staff_id.as_str()).into()), ("at", page.time(tx.now).into())],
    );
    let Some(event) = last else { return Ok(created) };
    let number = event.chain_seq.unwrap_or_default().to_string();
    let hash = event.chain_hash.unwrap_or_default();
    let chain = page.language.text_with("proof-chain", &[("n", number.into()), ("hash", hash.into())]);
    Ok(format!("{created} {chain}"))
}

/// Display names of the staff members on the page, by id.
fn names(tx: &mut Tx, check: &IdentityCheck, me: &StaffId) -> db::Result<HashMap<StaffId, String>> {
    let actors = check.decisions.iter().map(|decision| decision.actor.as_str());
    let mut ids: Vec<StaffId> = actors.map(StaffId::from).collect();
    ids.extend(check.card.acknowledged.iter().map(|acknowledged| acknowledged.by.clone()));
    ids.push(me.to_owned());
    Ok(staff::names(tx, &ids)?.into_iter().collect())
}

struct Page<'a> {
    language: Language,
    zone: TimeZone,
    names: HashMap<StaffId, String>,
    check: &'a IdentityCheck,
}

impl Page<'_> {
    fn time(&self, at: Timestamp) -> String {
        at.to_jiff().to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
    }

    fn name(&self, actor: &str) -> &str {
        self.names.get(actor).map_or(self.language.text("proof-system"), String::as_str)
    }

    fn person(&self) -> Section {
        let subject = &self.check.finding.subject;
        let none = || self.language.text("proof-not-given").to_owned();
        let phone = subject
            .phone
            .as_ref()
            .map(|phone| format!("{phone} · {}", self.language.text("proof-number-proven")));
        let email = subject.email.as_ref().map(|email| match subject.email_is_proven {
            true => format!("{email} · {}", self.language.text("proof-email-proven")),
            false => format!("{email} · {}", self.language.text("proof-email-unproven")),
        });
        let name = format!("{} {}", subject.given_name, subject.family_name);
        let rows = [
            (self.language.text("proof-name"), Some(name)),
            (self.language.text("proof-born"), subject.birth_date.clone()),
            (self.language.text("proof-number"), phone),
            (self.language.text("proof-email"), email),
        ];
        section(
            self.language.text("proof-person"),
            rows.map(|(name, value)| (name, value.unwrap_or_else(none))),
        )
    }

    fn source(&self, entries: &[InboxEntry]) -> Section {
        let card = &self.check.card;
        let link = card.link.as_ref().map(|link| format!("{} · {}", link.label, link.code));
        let through = match (&card.source.invite_id, link) {
            (Some(invite), _) => format!("{} {invite}", self.language.text("proof-invite")),
            (None, Some(link)) => format!("{} {link}", self.language.text("proof-link")),
            (None, None) => self.language.text("proof-not-given").to_owned(),
        };
        let connected = entries.first().map_or(card.created_at, |entry| entry.created_at);
        let rows = [
            (self.language.text("proof-through"), through),
            (self.language.text("proof-connected"), self.time(connected)),
            (self.language.text("proof-how"), labels::reached(self.language, card.source.method).to_owned()),
        ];
        section(self.language.text("proof-source"), rows)
    }

    fn state(&self) -> Section {
        let card = &self.check.card;
        let phi = if card.phi_allowed {
            self.language.text("proof-phi-allowed")
        } else {
            self.language.text("proof-phi-refused")
        };
        let state = format!("{} · {phi}", labels::state(self.language, card.identity));
        let grade = labels::grade(self.language, self.check.finding.matched.grade);
        let records: Vec<&str> =
            self.check.finding.records.iter().map(|record| record.number.as_str()).collect();
        let grade = match records.is_empty() {
            true => grade.to_owned(),
            false => format!("{grade} · {}", records.join(", ")),
        };
        let rows = [
            (self.language.text("proof-state"), state),
            (self.language.text("proof-since"), self.time(card.identity_since)),
            (self.language.text("proof-grade"), grade),
        ];
        section(self.language.text("proof-status"), rows)
    }

    fn decisions(&self) -> Section {
        let all = &self.check.decisions;
        let shown = all.len().min(MOST_DECISIONS);
        let (head, tail) = (shown / 2, shown - shown / 2);
        let printed = all.iter().take(head).chain(all.iter().skip(all.len() - tail));
        let room = MOST_QUOTED.min(MOST_NOTED / shown.max(1));
        let mut rows: Vec<(String, String)> =
            printed.map(|decision| (self.time(decision.created_at), self.decision(decision, room))).collect();
        if all.len() > shown {
            let more = self.language.text_with("proof-more", &[("n", (all.len() - shown).into())]);
            rows.insert(head, ("…".to_owned(), more));
        }
        if rows.is_empty() {
            rows.push((
                self.language.text("proof-none").to_owned(),
                self.language.text("proof-no-decision").to_owned(),
            ));
        }
        Section { heading: self.language.text("proof-decisions").to_owned(), rows }
    }

    fn decision(&self, decision: &Decision, room: usize) -> String {
        let mut parts = vec![labels::decision(self.language, decision.kind).to_owned()];
        parts.extend(decision.basis.map(|basis| labels::basis(self.language, basis).to_owned()));
        parts.push(self.name(&decision.actor).to_owned());
        let mut text = parts.join(" · ");
        if let Some(compared) = decision.compared.as_deref().map(|json| labels::compared(self.language, json))
        {
            text.push('\n');
            text += &compared;
        }
        if let Some(note) = &decision.note {
            text.push('\n');
            text += &quoted(self.language, note, room);
        }
        text
    }

    fn texts(&self, entries: &[InboxEntry]) -> Section {
        let mut rows: Vec<(String, String)> = entries
            .iter()
            .filter(|entry| entry.kind != EntryKind::Message)
            .map(|entry| {
                (
                    self.time(entry.created_at),
                    format!(
                        "{} {}",
                        self.language.text("proof-to-patient"),
                        quoted(self.language, &entry.body, MOST_QUOTED)
                    ),
                )
            })
            .collect();
        rows.push((
            self.language.text("proof-to-staff").to_owned(),
            quoted(self.language, grading::advice(self.language), MOST_QUOTED),
        ));
        let acknowledged = self.check.card.acknowledged.as_ref();
        rows.extend(acknowledged.map(|acknowledged| {
            let by = self.name(acknowledged.by.as_str());
            let by = self.language.text_with("proof-acknowledged", &[("by", by.into())]);
            (self.time(acknowledged.at), by)
        }));
        Section { heading: self.language.text("proof-texts").to_owned(), rows }
    }
}

fn section<const N: usize>(heading: &str, rows: [(&str, String); N]) -> Section {
    let rows = rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Section { heading: heading.to_owned(), rows }
}

/// Quotes a text, cut to at most `most` characters.
fn quoted(language: Language, text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    };
    language.text_with("language-quoted", &[("text", cut.into())])
}
