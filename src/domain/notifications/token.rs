//! One-click unsubscribe URLs. A token names a recipient and a link by id and carries our MAC. It does not
//! expire, because mails are kept for years.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Recipient;
use crate::kit::{LinkId, signed_token};
use crate::platform::Tx;

/// Purpose of the MAC, so that the token is valid nowhere else.
const PURPOSE: &str = "unsubscribe";

/// The URL where a recipient stops the mails about a link.
pub(super) fn url(tx: &Tx, recipient: &Recipient, link_id: &LinkId) -> String {
    let body = URL_SAFE_NO_PAD.encode(format!("{} {link_id}", recipient.as_str()));
    let token = signed_token::sign(body, &mac(tx, recipient, link_id));
    format!("{}/unsubscribe/{token}", tx.settings.public_url)
}

/// Parses a token into recipient and link; `None` if we did not make it.
pub(super) fn parse(tx: &Tx, token: &str) -> Option<(Recipient, LinkId)> {
    let body = signed_token::verify(token, |body| {
        let (recipient, link_id) = decode(body)?;
        Some(mac(tx, &recipient, &link_id))
    })?;
    decode(body)
}

fn decode(body: &str) -> Option<(Recipient, LinkId)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
    let (recipient, link_id) = text.split_once(' ')?;
    Some((recipient.to_owned().into(), link_id.into()))
}

fn mac(tx: &Tx, recipient: &Recipient, link_id: &LinkId) -> [u8; 32] {
    tx.keys.derive(PURPOSE, &[recipient.as_str().as_bytes(), link_id.as_str().as_bytes()])
}
