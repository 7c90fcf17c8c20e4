//! Codes of decimal digits that are derived instead of stored, for people to read and type.

/// The code of `digits` digits out of the first 64 bits of a MAC. Up to eight digits, no code is likelier
/// than another by more than one in 10^11.
pub fn from_mac(mac: &[u8; 32], digits: u32) -> String {
    let number = mac.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("{:0width$}", number % 10_u64.pow(digits), width = digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_keeps_its_leading_zeros() {
        let mut mac = [0; 32];
        mac[7] = 7;
        assert_eq!(from_mac(&mac, 6), "000007");
        assert_eq!(from_mac(&[0xff; 32], 8), "09551615");
    }
}
