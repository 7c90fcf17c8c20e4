//! Ids: a prefix that names the type, and a `UUIDv7` (RFC 9562), so that they sort by time of creation.

use uuid::Builder;

use super::{Entropy, Timestamp};

/// A fresh id such as `acc_0198c1…` (32 hexadecimal digits after the prefix).
pub fn new(prefix: &str, now: Timestamp, entropy: &dyn Entropy) -> String {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    format!("{prefix}_{}", Builder::from_unix_timestamp_millis(millis, &random).into_uuid().simple())
}
