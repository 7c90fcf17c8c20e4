//! The address of a one-click unsubscription: it names a person and a link, by ids, and only we can have made
//! it. It does not expire, because mails are kept for years.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::Ctx;

/// What keeps the token from being good anywhere else.
const PURPOSE: &str = "unsubscribe";

/// The address at which a person stops the mails about a link.
pub fn url(ctx: &Ctx, person: &str, link_id: &str) -> String {
    let who = URL_SAFE_NO_PAD.encode(format!("{person} {link_id}"));
    format!("{}/unsubscribe/{who}.{}", ctx.config.public_url, mac(ctx, person, link_id))
}

/// Person and link; `None` for a token that we did not make.
pub fn read(ctx: &Ctx, token: &str) -> Option<(String, String)> {
    let (who, given) = token.split_once('.')?;
    let who = String::from_utf8(URL_SAFE_NO_PAD.decode(who).ok()?).ok()?;
    let (person, link_id) = who.split_once(' ')?;
    // Compared under a second key, so that how long it takes says nothing.
    let is_ours = ctx.keys.blind(PURPOSE, given) == ctx.keys.blind(PURPOSE, &mac(ctx, person, link_id));
    is_ours.then(|| (person.to_owned(), link_id.to_owned()))
}

fn mac(ctx: &Ctx, person: &str, link_id: &str) -> String {
    URL_SAFE_NO_PAD.encode(ctx.keys.derive(PURPOSE, &[person.as_bytes(), link_id.as_bytes()]))
}
