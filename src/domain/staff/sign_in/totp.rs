//! The second factor: time-based codes (TOTP, RFC 6238) of an authenticator app, and recovery codes for staff
//! who have lost theirs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Algorithm, Builder, Secret as Seed, Totp};

use crate::kit::{StaffId, seal};
use crate::platform::Tx;

/// The values that authenticator apps agree on; some ignore all others (RFC 6238, 1.2; Key Uri Format).
const DIGITS: u8 = 6;
const STEP_SECONDS: u64 = 30;
/// One step early or late: clocks differ (RFC 6238, 5.2).
const SKEW: u16 = 1;
/// RFC 4226, 4 (R6) recommends 160 bits.
const SEED_BYTES: usize = 20;

/// All but the unreserved characters (RFC 3986, 2.3). Not a form's encoding: apps show its `+` as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Number of recovery codes created at enrollment.
const RECOVERY_CODES: usize = 10;
/// Crockford's base 32 in lower case: no letter that looks like a digit. Ten of them are 50 bits.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A second factor that is about to be set up.
pub(super) struct Enrolment {
    /// The seed in base 32, for typing.
    pub secret: String,
    /// The `otpauth:` URL for a QR code.
    pub otpauth_url: String,
    /// The seed as it is stored, sealed.
    pub sealed: String,
}

/// Creates a second factor; `account` is its label in an authenticator app. `None` if the cipher fails.
pub(super) fn fresh(tx: &Tx, staff_id: &StaffId, account: &str) -> Option<Enrolment> {
    let seed: [u8; SEED_BYTES] = tx.random();
    let secret = Seed::from(seed).to_base32();
    let issuer = utf8_percent_encode(&tx.settings.app.name, ESCAPED);
    let otpauth_url = format!(
        "otpauth://totp/{issuer}:{}?secret={secret}&issuer={issuer}\
         &algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
        utf8_percent_encode(account, ESCAPED)
    );
    let sealed = seal::seal(&key(tx, staff_id), &seed, tx.entropy())?;
    Some(Enrolment { secret, otpauth_url, sealed: URL_SAFE_NO_PAD.encode(sealed) })
}

/// Returns the time step of a code that is valid now or one step early or late.
pub(super) fn step_of(tx: &Tx, staff_id: &StaffId, sealed: &str, code: &str) -> Option<i64> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let seed = seal::open(&key(tx, staff_id), &sealed)?;
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let step = totp(seed)?.check(&code, u64::try_from(tx.now.seconds()).ok()?)?;
    i64::try_from(step).ok()
}

fn totp(seed: Vec<u8>) -> Option<Totp> {
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(DIGITS).with_skew(SKEW);
    builder.with_step_duration(STEP_SECONDS).with_secret(seed).build().ok()
}

/// A key that the database does not hold, so a dump reveals no seed.
fn key(tx: &Tx, staff_id: &StaffId) -> [u8; 32] {
    tx.keys.derive("staff-totp", &[staff_id.as_str().as_bytes()])
}

/// Creates recovery codes, e.g. `7k2mq-x09ab`.
pub(super) fn recovery_codes(tx: &Tx) -> Vec<String> {
    (0..RECOVERY_CODES).map(|_| recovery_code(&tx.random::<10>())).collect()
}

fn recovery_code(random: &[u8; 10]) -> String {
    let letters = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
    let mut code: String = letters.map(|letter| char::from(*letter)).collect();
    code.insert(5, '-');
    code
}

/// Hashes a recovery code, however it was typed. A keyed hash, since 50 bits are too few for a plain one.
pub(super) fn recovery_hash(tx: &Tx, staff_id: &StaffId, code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    tx.keys.blind("staff-recovery", &format!("{staff_id}:{}", plain.to_ascii_lowercase()))
}
