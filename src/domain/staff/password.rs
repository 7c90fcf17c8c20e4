//! Password rules, and the password hasher.
//!
//! Argon2id with OWASP's parameters (Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane). Hashing costs
//! CPU time and memory, so it has its own permits and happens outside of any transaction. An unknown
//! address costs the same work as a known one.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use icu_normalizer::ComposingNormalizerBorrowed;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::kit::{Email, Secret};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// NIST SP 800-63B-4, 3.1.1.2 asks for 15 if the password is the only factor and for 8 beside a second
/// factor, and for no composition rules.
const LEAST: usize = 12;
/// Maximum length in characters: the work must be bounded.
const MOST: usize = 128;
/// A password with fewer distinct characters is a finger held on a key.
const FEWEST_DIFFERENT: usize = 5;
/// First guesses that pass the length rule, in lower case (SP 800-63B-4 asks for such a list).
const COMMON: [&str; 10] = [
    "123456789012",
    "1234567890123",
    "12345678901234",
    "123456789abc",
    "password1234",
    "password12345",
    "passwordpassword",
    "qwertyuiop12",
    "qwertyuiop123",
    "iloveyou1234",
];

/// Number of passwords hashed in parallel: two processors' worth, 38 MiB.
const PLACES: usize = 2;
/// Time that a request waits for a free slot.
const PATIENCE: Duration = Duration::from_secs(10);

/// The rule that a password violates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    #[error("Use at least 12 characters.")]
    Short,
    #[error("Use at most 128 characters.")]
    Long,
    /// The password is among the first guesses.
    #[error("This password is too easy to guess.")]
    Common,
    /// The password is the address or the practice's name.
    #[error("Do not use your e-mail address or your practice’s name as a password.")]
    Personal,
}

/// Checks the rules for a password of `email`, a staff member of `practice_name`.
pub(super) fn check(password: &Secret, email: &Email, practice_name: &str) -> Result<(), Weakness> {
    let text = &*normal(password);
    let length = text.chars().count();
    if length < LEAST {
        return Err(Weakness::Short);
    }
    if length > MOST {
        return Err(Weakness::Long);
    }
    let plain = folded(text);
    let mailbox = email.as_str().split('@').next().unwrap_or_default();
    if [email.as_str(), mailbox, practice_name].iter().any(|name| folded(name) == plain) {
        return Err(Weakness::Personal);
    }
    let different: BTreeSet<char> = text.chars().collect();
    if different.len() < FEWEST_DIFFERENT || COMMON.contains(&plain.as_str()) {
        return Err(Weakness::Common);
    }
    Ok(())
}

/// Normalizes to the same characters however the keyboard composed them (NFKC; SP 800-63B-4, 3.1.1.2).
fn normal(password: &Secret) -> Cow<'_, str> {
    const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
    NFKC.normalize(password.expose())
}

/// Keeps only letters and digits, in lower case: "Elm Dental" and "elm-dental" are the same guess.
fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// All slots were taken for the whole timeout, or the work itself failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password hasher is busy")]
pub struct Busy;

/// The password hasher of an instance, limited to a few hashes in parallel.
pub struct PasswordHasher(Arc<Semaphore>);

impl Default for PasswordHasher {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl PasswordHasher {
    /// Returns whether `password` matches `hash`. Without a hash it returns `false`, after the same work.
    pub async fn verify(&self, password: &Secret, hash: Option<String>) -> Result<bool, Busy> {
        let password = password.clone();
        self.work(move |argon2| {
            let password = normal(&password);
            let password = password.as_bytes();
            if let Some(Ok(hash)) = hash.as_deref().map(PasswordHash::new) {
                return Some(argon2.verify_password(password, &hash).is_ok());
            }
            argon2.hash_password_with_salt(password, &[0; 16]).ok().map(|_| false)
        })
        .await
    }

    /// Hashes `password` for the database, in the PHC string format.
    pub async fn hash(&self, password: &Secret, salt: [u8; 16]) -> Result<String, Busy> {
        let password = password.clone();
        self.work(move |argon2| {
            let hash: PasswordHash =
                argon2.hash_password_with_salt(normal(&password).as_bytes(), &salt).ok()?;
            Some(hash.to_string())
        })
        .await
    }

    #[expect(clippy::disallowed_methods, reason = "the only blocking work outside of a transaction")]
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'_>) -> Option<T> + Send + 'static,
    ) -> Result<T, Busy> {
        let turn = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(place)) = turn else { return Err(Busy) };
        let run = tokio::task::spawn_blocking(move || {
            // The slot is held until the work ends, even if the request that waits for it is gone.
            let _place = place;
            let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
            work(&Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
        });
        run.await.ok().flatten().ok_or(Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(password: &str) -> Result<(), Weakness> {
        let email = Email::parse("anabel.ruiz.lopez@elm.example").unwrap();
        check(&Secret::from_client(password), &email, "Elm Dental Group")
    }

    #[test]
    fn length_counts_characters_and_nothing_else_is_prescribed() {
        assert_eq!(verdict("ñandúes 12!"), Err(Weakness::Short));
        assert_eq!(verdict("ñandúes 12!?"), Ok(()));
        assert_eq!(verdict("only lower case words"), Ok(()));
        assert_eq!(verdict(&"abcdefgh".repeat(16)), Ok(()));
        assert_eq!(verdict(&"abcdefgh".repeat(17)), Err(Weakness::Long));
    }

    #[test]
    fn first_guesses_are_refused() {
        assert_eq!(verdict("Anabel.Ruiz.Lopez"), Err(Weakness::Personal));
        assert_eq!(verdict("anabel.ruiz.lopez@elm.example"), Err(Weakness::Personal));
        assert_eq!(verdict("elm-dental-group"), Err(Weakness::Personal));
        assert_eq!(verdict("Password1234"), Err(Weakness::Common));
        assert_eq!(verdict("aaaaaaaaaaaaaaaa"), Err(Weakness::Common));
    }
}
