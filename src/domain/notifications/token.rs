//! One-click unsubscribe URLs. A token names a person and a link by id and carries our MAC. It does not
//! expire, because mails are kept for years.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::kit::ids::LinkId;
use crate::platform::tx::Tx;

/// Purpose of the MAC, so that the token is valid nowhere else.
const PURPOSE: &str = "unsubscribe";

/// The URL where a person stops the mails about a link.
pub fn url(tx: &Tx, person: &str, link_id: &LinkId) -> String {
    let who = URL_SAFE_NO_PAD.encode(format!("{person} {link_id}"));
    format!("{}/unsubscribe/{who}.{}", tx.settings.public_url, mac(tx, person, link_id))
}

/// Parses a token into person and link; `None` if we did not make it.
pub fn read(tx: &Tx, token: &str) -> Option<(String, LinkId)> {
    let (who, given) = token.split_once('.')?;
    let who = String::from_utf8(URL_SAFE_NO_PAD.decode(who).ok()?).ok()?;
    let (person, link_id) = who.split_once(' ')?;
    let link_id = LinkId::from(link_id);
    // Compared under a second key, so that the timing reveals nothing.
    let is_ours = tx.keys.blind(PURPOSE, given) == tx.keys.blind(PURPOSE, &mac(tx, person, &link_id));
    is_ours.then(|| (person.to_owned(), link_id))
}

fn mac(tx: &Tx, person: &str, link_id: &LinkId) -> String {
    URL_SAFE_NO_PAD.encode(tx.keys.derive(PURPOSE, &[person.as_bytes(), link_id.as_str().as_bytes()]))
}
