//! Verifies that a callback was signed by Twilio.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::settings::Settings;
use crate::kit::{Secret, secret};

/// A callback as it was received.
pub(super) struct Signed<'a> {
    /// The public URL that it was sent to, including its query.
    pub url: &'a str,
    /// Form parameters; empty for a JSON callback.
    pub fields: &'a [(String, String)],
    /// The body of a JSON callback; `None` for a form.
    pub json: Option<&'a [u8]>,
    /// Value of the `X-Twilio-Signature` header.
    pub signature: &'a str,
}

/// Whether Twilio signed it: HMAC-SHA1 with the account's token, or HMAC-SHA256 if a shared key is
/// configured. The configuration decides which, because a forger could choose a header.
pub(super) fn is_signed(settings: &Settings, callback: &Signed<'_>) -> bool {
    let given = |secret: &Option<Secret>| secret.clone().filter(|secret| !secret.expose().is_empty());
    let (algorithm, secret) = match (given(&settings.signing_key), given(&settings.auth_token)) {
        (Some(key), _) => (hmac::HMAC_SHA256, key),
        (None, Some(token)) => (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token),
        (None, None) => return false,
    };
    let Ok(signature) = STANDARD.decode(callback.signature) else { return false };
    let key = hmac::Key::new(algorithm, secret.expose().as_bytes());
    let parameters = signed_parameters(callback.fields);
    // Twilio signs the URL with or without the default port of its scheme.
    let is_right =
        |url: &String| hmac::verify(&key, format!("{url}{parameters}").as_bytes(), &signature).is_ok();
    spellings(callback.url).iter().any(is_right)
        && callback.json.is_none_or(|body| is_whole(callback.url, body))
}

/// Name and value of every parameter, sorted, without duplicate pairs.
fn signed_parameters(fields: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = fields.iter().collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect()
}

/// The URL as it is, and with its port added or removed.
fn spellings(url: &str) -> Vec<String> {
    let mut found = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return found };
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let bare = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    found.push(match (bare, scheme) {
        (Some((name, _)), _) => format!("{scheme}://{name}{path}"),
        (None, "https") => format!("https://{host}:443{path}"),
        (None, _) => format!("{scheme}://{host}:80{path}"),
    });
    found
}

/// Verifies a JSON body by the hash in the signed URL.
fn is_whole(url: &str, body: &[u8]) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let Some((_, announced)) =
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "bodySHA256")
    else {
        return false;
    };
    let digest = digest::digest(&digest::SHA256, body);
    let hex =
        |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'));
    let ours: String = digest.as_ref().iter().flat_map(hex).collect();
    secret::is_equal(announced.to_ascii_lowercase(), ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::settings::Source;

    const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const CALL: [(&str, &str); 5] = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ];

    fn token() -> Settings {
        let defaults = Source::default().settings().unwrap();
        Settings { auth_token: Some(Secret::from_client("12345")), ..defaults }
    }

    fn holds(fields: &[(&str, &str)], signature: &str) -> bool {
        let fields: Vec<_> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        is_signed(&token(), &Signed { url: URL, fields: &fields, json: None, signature })
    }

    #[test]
    fn published_vectors_verify_in_any_order() {
        assert!(holds(&CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        let mut more = CALL.to_vec();
        more.extend([("Reason", "Participant"), ("ReasonConferenceEnded", "test")]);
        assert!(holds(&more, "vOEb5UThFn24KEfnOFLQY2AE5FY="));
        let other = CALL.map(|(name, value)| match name {
            "Caller" | "From" => (name, "+12349013030"),
            _ => (name, value),
        });
        assert!(holds(&other, "0/KCTR6DLpKmkAf8muzZqo1nDgQ="));
        let mut backwards = CALL.to_vec();
        backwards.reverse();
        assert!(holds(&backwards, "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
    }

    #[test]
    fn changed_callback_is_rejected() {
        assert!(!holds(&CALL[1..], "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        assert!(!holds(&CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B9="));
        assert!(!holds(&CALL, ""));
        assert!(!holds(&CALL, "no base64"));
    }
}
