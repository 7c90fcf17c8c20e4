//! One-click unsubscribe URLs. A token names a person and a link by id and carries our MAC. It does not
//! expire, because mails are kept for years.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::platform::tx::Ctx;

/// Purpose of the MAC, so that the token is valid nowhere else.
const PURPOSE: &str = "unsubscribe";

/// The URL where a person stops the mails about a link.
pub fn url(ctx: &Ctx, person: &str, link_id: &str) -> String {
    let who = URL_SAFE_NO_PAD.encode(format!("{person} {link_id}"));
    format!("{}/unsubscribe/{who}.{}", ctx.config.public_url, mac(ctx, person, link_id))
}

/// Parses a token into person and link; `None` if we did not make it.
pub fn read(ctx: &Ctx, token: &str) -> Option<(String, String)> {
    let (who, given) = token.split_once('.')?;
    let who = String::from_utf8(URL_SAFE_NO_PAD.decode(who).ok()?).ok()?;
    let (person, link_id) = who.split_once(' ')?;
    // Compared under a second key, so that the timing reveals nothing.
    let is_ours = ctx.keys.blind(PURPOSE, given) == ctx.keys.blind(PURPOSE, &mac(ctx, person, link_id));
    is_ours.then(|| (person.to_owned(), link_id.to_owned()))
}

fn mac(ctx: &Ctx, person: &str, link_id: &str) -> String {
    URL_SAFE_NO_PAD.encode(ctx.keys.derive(PURPOSE, &[person.as_bytes(), link_id.as_bytes()]))
}
