//! What the practices of an account are told when a new device signs in or the account changes.

use super::view::Pairing;
use super::{PairingDetails, list};
use crate::domain::conversations::{Access, append_system, patient_changed, practice_language};
use crate::domain::identity::{self, Doubt};
use crate::domain::notifications;
use crate::kit::{AccountId, PatientId, SessionId};
use crate::platform::{Tx, db};

/// Tells every practice of an account, in the conversation and by e-mail, that a new device signed in.
pub fn announce_new_device(tx: &mut Tx, account_id: &AccountId, session_id: &SessionId) -> db::Result<()> {
    for details in list(tx, Access::all(account_id), "", i64::MAX)? {
        doubt(tx, account_id, &details, Doubt::NewDevice)?;
        let Pairing { practice, source, .. } = &details.pairing;
        notifications::announce_new_device(tx, &practice.id, source.link_id.as_ref(), session_id)?;
    }
    Ok(())
}

/// Tells every practice of an account that the new device was confirmed by the verified e-mail address, in
/// the conversations that the device now sees. The identity stays in doubt until the practice confirms it.
pub fn announce_known_device(tx: &mut Tx, account_id: &AccountId) -> db::Result<()> {
    for details in list(tx, Access::full(account_id), "", i64::MAX)? {
        let language = practice_language(tx, &details.pairing.practice.id)?;
        append_system(tx, &details.conversation.id, language.text("conversation-known-device"))?;
        // What the account verified now also counts for the pairings that this device made.
        patient_changed(tx, &details.pairing.practice.id, &details.conversation.id);
    }
    Ok(())
}

/// Marks the identity for another check at every practice of an account, or only for one patient of
/// it, and says why.
pub fn doubt_all(
    tx: &mut Tx,
    account_id: &AccountId,
    patient_id: Option<&PatientId>,
    why: Doubt,
) -> db::Result<()> {
    for details in list(tx, Access::all(account_id), "", i64::MAX)? {
        if patient_id.is_none_or(|id| details.conversation.patient.id == *id) {
            doubt(tx, account_id, &details, why)?;
            patient_changed(tx, &details.pairing.practice.id, &details.conversation.id);
        }
    }
    Ok(())
}

fn doubt(tx: &mut Tx, account_id: &AccountId, details: &PairingDetails, why: Doubt) -> db::Result<()> {
    let language = practice_language(tx, &details.pairing.practice.id)?;
    let text = match why {
        Doubt::NewDevice => "conversation-new-device",
        Doubt::NumberChanged => "conversation-number-changed",
        Doubt::DetailsChanged => "conversation-details-changed",
    };
    append_system(tx, &details.conversation.id, language.text(text))?;
    identity::doubt(tx, account_id.as_str(), &details.conversation.id, why)
}
