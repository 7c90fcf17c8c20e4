//! The key file: signing keys, code secrets and the pepper, in one file of mode 0600.
//!
//! A *generation* has a signing key (Ed25519, for every JWT) and a code secret (for verification codes).
//! Rotating adds a generation: the newest one signs and all of them verify, so that a rotation invalidates
//! nothing that is still valid. The *pepper* never rotates: under it the database counts phone numbers and
//! addresses without knowing them, and a new pepper would forget every count.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::kit::{Entropy, Timestamp, secret};

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key file cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file is not a key file.
    #[error("is not a key file")]
    Malformed,
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    pepper: String,
    generations: Vec<StoredGeneration>,
}

#[derive(Serialize, Deserialize)]
struct StoredGeneration {
    kid: String,
    created_at: Timestamp,
    signing_seed: String,
    code_secret: String,
}

struct Generation {
    kid: String,
    created_at: Timestamp,
    signing: EncodingKey,
    verifying: DecodingKey,
    public: String,
    code_secret: Vec<u8>,
}

/// A new generation verifies at once but signs only after this long: until then every instance that shares
/// the file can be restarted, so that no instance meets a token or a code that it cannot check.
const GRACE: Duration = Duration::from_mins(10);

/// All generations, oldest first, and the pepper.
pub struct Keys {
    pepper: Vec<u8>,
    oldest: Generation,
    later: Vec<Generation>,
}

impl Keys {
    /// Reads `path`, or creates it with one generation if it does not exist.
    pub fn load_or_create(path: &Path, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        match fs::read(path) {
            Ok(bytes) => Self::from_bytes(&bytes),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Self::rotate(path, now, entropy)?;
                // Read back: if two processes start for the first time at once, only one file remains.
                Self::from_bytes(&fs::read(path)?)
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Adds a generation to `path` and reads it back. Running servers use it after a restart.
    pub fn rotate(path: &Path, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let mut file = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| KeyError::Malformed)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                KeyFile { pepper: random(entropy), generations: Vec::new() }
            }
            Err(e) => return Err(e.into()),
        };
        let is_first = file.generations.is_empty();
        file.generations.push(StoredGeneration {
            kid: format!("k{}", now.millis()),
            created_at: now,
            signing_seed: random(entropy),
            code_secret: random(entropy),
        });
        let text = serde_json::to_vec_pretty(&file).map_err(|_| KeyError::Malformed)?;
        write_private(path, &text, is_first)?;
        Self::from_bytes(&text)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let file: KeyFile = serde_json::from_slice(bytes).map_err(|_| KeyError::Malformed)?;
        let mut generations =
            file.generations.iter().map(|stored| generation(stored).ok_or(KeyError::Malformed));
        Ok(Self {
            pepper: decode(&file.pepper).ok_or(KeyError::Malformed)?,
            oldest: generations.next().ok_or(KeyError::Malformed)??,
            later: generations.collect::<Result<_, _>>()?,
        })
    }

    /// Signs `claims` as a compact JWT of type `typ` with the key that signs at `now`.
    pub fn sign<T: Serialize>(&self, now: Timestamp, typ: &str, claims: &T) -> Option<String> {
        let key = self.current(now);
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(typ.to_owned());
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &key.signing).ok()
    }

    /// Returns the claims of a JWT of type `typ` for `audience` that one of our keys signed. The caller
    /// must compare the expiry, since the library would read the system clock instead of ours.
    pub fn verify<T: DeserializeOwned>(&self, token: &str, typ: &str, audience: &str) -> Option<T> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.typ.as_deref() != Some(typ) {
            return None;
        }
        let key = self.generation(header.kid.as_deref()?)?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.validate_exp = false;
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["exp", "aud"]);
        jsonwebtoken::decode::<T>(token, &key.verifying, &rules).ok().map(|data| data.claims)
    }

    /// Returns the id of the generation that signs codes at `now`.
    pub fn current_kid(&self, now: Timestamp) -> &str {
        &self.current(now).kid
    }

    /// Returns the id of the generation that was added last.
    pub fn newest_kid(&self) -> &str {
        &self.later.last().unwrap_or(&self.oldest).kid
    }

    /// Returns the code secret of generation `kid`; `None` if that generation is gone.
    pub fn code_secret(&self, kid: &str) -> Option<&[u8]> {
        self.generation(kid).map(|generation| generation.code_secret.as_slice())
    }

    /// Blinds `value` for the database: an HMAC under the pepper, so that a dump cannot be searched for a
    /// phone number by trying all numbers.
    pub fn blind(&self, purpose: &str, value: &str) -> String {
        secret::mac_text(&self.pepper, &[purpose.as_bytes(), value.as_bytes()])
    }

    /// Derives a key for `purpose` that also needs `parts`. The database does not hold it.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        secret::mac(&secret::mac(&self.pepper, &[purpose.as_bytes()]), parts)
    }

    /// Returns the public keys as a JWK Set (RFC 7517, RFC 8037), newest first.
    pub fn jwks(&self) -> Vec<Jwk> {
        self.later.iter().rev().chain([&self.oldest]).map(Jwk::of).collect()
    }

    fn generation(&self, kid: &str) -> Option<&Generation> {
        self.later.iter().chain([&self.oldest]).find(|generation| generation.kid == kid)
    }

    fn current(&self, now: Timestamp) -> &Generation {
        let settled = self.later.iter().rev().find(|generation| generation.created_at + GRACE <= now);
        settled.unwrap_or(&self.oldest)
    }
}

/// A public signing key (RFC 8037).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Jwk {
    /// The key type, which is always `OKP`.
    kty: &'static str,
    /// The curve, which is always `Ed25519`.
    crv: &'static str,
    /// The algorithm, which is always `EdDSA`.
    alg: &'static str,
    /// The use, which is always `sig`.
    #[serde(rename = "use")]
    usage: &'static str,
    /// The key id, as in the header of a token.
    kid: String,
    /// The public key in base64url encoding.
    x: String,
}

impl Jwk {
    fn of(generation: &Generation) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid: generation.kid.clone(),
            x: generation.public.clone(),
        }
    }
}

fn generation(stored: &StoredGeneration) -> Option<Generation> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&decode(&stored.signing_seed)?).ok()?;
    let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    Some(Generation {
        kid: stored.kid.clone(),
        created_at: stored.created_at,
        signing: EncodingKey::from_ed_der(pair.to_pkcs8().ok()?.as_ref()),
        verifying: DecodingKey::from_ed_components(&public).ok()?,
        public,
        code_secret: decode(&stored.code_secret)?,
    })
}

fn random(entropy: &dyn Entropy) -> String {
    let mut bytes = [0_u8; 32];
    entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32)
}

/// Writes a draft and then moves it into place, so that a crash leaves either the old file or the new one.
/// A first file never replaces one that another process created meanwhile.
fn write_private(path: &Path, bytes: &[u8], is_first: bool) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    if !is_first {
        return fs::rename(draft, path);
    }
    let placed = fs::hard_link(&draft, path);
    fs::remove_file(draft)?;
    placed.or_else(|e| if e.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(e) })
}
