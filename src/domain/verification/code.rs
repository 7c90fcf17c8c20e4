//! The code: six digits, derived from the verification session and never stored
//! (NIST SP 800-63B-4, 3.1.3.2).
//!
//! RFC 6238 with SHA-256, where the secret is HMAC-SHA256(server key, session nonce) and the time step is
//! the session's epoch. A dump of the database contains nothing that a million guesses could confirm. This is
//! not [`crate::kit::numeric_code`], because the RFC's test vectors check the whole derivation.

use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::Session;
use crate::kit::secret;
use crate::platform::keys::Keys;

pub const LENGTH: u8 = 6;

/// The code of `session` at its current epoch; `None` if the server key is gone.
pub fn derive(keys: &Keys, session: &Session) -> Option<String> {
    Some(totp(keys, session)?.generate(epoch(session)).to_string())
}

/// Compares `code` with the session's in constant time (`totp_rs::Token`); `None` if the
/// server key is gone.
pub fn matches(keys: &Keys, session: &Session, code: &str) -> Option<bool> {
    Some(totp(keys, session)?.check(code, epoch(session)).is_some())
}

/// With a step of one second and the epoch as the time, the library's counter is the epoch itself.
fn totp(keys: &Keys, session: &Session) -> Option<Totp> {
    let server_key = keys.code_secret(&session.kid)?;
    generator(&secret::mac(server_key, &[&session.nonce]))
}

fn generator(shared_secret: &[u8]) -> Option<Totp> {
    Builder::new()
        .with_algorithm(Algorithm::SHA256)
        .with_digits(LENGTH)
        .with_step_duration(1)
        .with_skew(0)
        .with_secret(Secret::new(shared_secret.into()))
        .build()
        .ok()
}

fn epoch(session: &Session) -> u64 {
    u64::try_from(session.epoch).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the SHA-256 rows: the last six of the eight digits, at T = time / 30.
    #[test]
    fn the_generator_is_rfc_6238s() {
        let totp = generator(b"12345678901234567890123456789012").unwrap();
        let vectors = [
            (59, "119246"),
            (1_111_111_109, "084774"),
            (1_111_111_111, "062674"),
            (1_234_567_890, "819424"),
            (2_000_000_000, "698825"),
            (20_000_000_000, "737706"),
        ];
        for (time, code) in vectors {
            assert_eq!(totp.generate(time / 30).to_string(), code, "at {time}");
        }
    }

    /// Test case 10: a million codes from as many nonces. The 99.9 % quantile of chi-square with 9 degrees
    /// of freedom is 27.88, with 5 × 9 digits bounded apart.
    #[test]
    fn a_million_codes_are_uniform_and_keep_leading_zeros() {
        let mut counts = [[0_u32; 10]; 6];
        for nonce in 0..1_000_000_u64 {
            let shared = secret::mac(b"a server key of thirty-two bytes", &[&nonce.to_be_bytes()]);
            let code = generator(&shared).unwrap().generate(0).to_string();
            assert_eq!(code.len(), 6);
            for (place, digit) in code.bytes().enumerate() {
                counts[place][usize::from(digit - b'0')] += 1;
            }
        }
        for place in counts {
            let chi_square: f64 = place.iter().map(|&n| (f64::from(n) - 100_000.0).powi(2) / 100_000.0).sum();
            assert!(chi_square < 27.88, "{chi_square}: {place:?}");
        }
    }
}
