//! Tokens of the form `body.mac`: what they say is in them, so nothing is stored, and only we can issue one.
//!
//! The caller makes the MAC, because what goes into it (a purpose, and often something that is not in the
//! body) is a matter of each kind of token. Tokens that are out, printed or mailed, stay valid only as long
//! as that does not change.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::secret;

/// Appends the MAC to the body.
pub fn sign(mut body: String, mac: &[u8]) -> String {
    body.push('.');
    URL_SAFE_NO_PAD.encode_string(mac, &mut body);
    body
}

/// Returns the body of a token that carries the MAC which `mac` makes for it; `None` for any other, and for a
/// body that `mac` cannot parse.
pub fn verify<M: AsRef<[u8]>>(token: &str, mac: impl FnOnce(&str) -> Option<M>) -> Option<&str> {
    let (body, given) = token.rsplit_once('.')?;
    let ours = URL_SAFE_NO_PAD.encode(mac(body)?);
    secret::is_equal(ours, given).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(body: &str) -> [u8; 32] {
        secret::mac(b"key", &[body.as_bytes()])
    }

    #[test]
    fn only_an_unchanged_token_is_valid() {
        let token = sign("1.lnk_1".to_owned(), &mac("1.lnk_1"));
        assert_eq!(verify(&token, |body| Some(mac(body))), Some("1.lnk_1"));
        for wrong in [token.replacen('1', "2", 1), format!("{token}A"), token.replace('.', ""), String::new()]
        {
            assert_eq!(verify(&wrong, |body| Some(mac(body))), None, "{wrong}");
        }
        assert_eq!(verify(&token, |_| None::<[u8; 32]>), None);
    }
}
