//! Link codes: random digits and a Damm check digit, so that one mistyped digit or two swapped neighbors
//! never open another practice's link (H. M. Damm, "Total anti-symmetrische Quasigruppen", 2004).

use std::ops::RangeInclusive;

use crate::platform::{Tx, db};

/// Damm's totally anti-symmetric quasigroup of order 10, the one given in his thesis.
const QUASIGROUP: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

const SHORTEST: u32 = 6;
const LONGEST: u32 = 12;
/// Allowed numbers of digits in a code.
pub const LENGTHS: RangeInclusive<usize> = SHORTEST as usize..=LONGEST as usize;

/// Returns whether a text consists of as many digits as a code can have.
pub fn is_code(text: &str) -> bool {
    LENGTHS.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Returns the length of the next code: one digit more once half of the codes of a length are in use.
pub(super) fn length_for(mut in_use: impl FnMut(u32) -> db::Result<i64>) -> db::Result<u32> {
    for length in SHORTEST..LONGEST {
        if in_use(length)? * 2 < capacity(length) {
            return Ok(length);
        }
    }
    Ok(LONGEST)
}

/// How many codes of `length` digits exist: the first digit is not 0, the last is the check digit.
fn capacity(length: u32) -> i64 {
    9 * 10_i64.pow(length - 2)
}

/// Random code of `length` digits. The modulo bias is below 2^-27, and codes are not secret.
pub(super) fn generate(tx: &Tx, length: u32) -> String {
    let span = 10_u64.pow(length - 2);
    let number = u64::from_be_bytes(tx.random()) % (9 * span) + span;
    let digits = number.to_string();
    let check = interim(&digits).unwrap_or(0);
    format!("{digits}{check}")
}

/// Returns true if the last digit is the check digit of the others.
pub(super) fn is_well_formed(code: &str) -> bool {
    interim(code) == Some(0)
}

fn interim(digits: &str) -> Option<u8> {
    digits.chars().try_fold(0_u8, |row, digit| {
        let column = usize::try_from(digit.to_digit(10)?).ok()?;
        QUASIGROUP.get(usize::from(row))?.get(column).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_damms() {
        // 572 → 4 is the worked example in descriptions of the algorithm.
        assert_eq!(interim("572"), Some(4));
        assert!(is_well_formed("5724"));
        assert!(!is_well_formed("5742"));
    }

    #[test]
    fn no_slip_leads_from_one_code_to_another() {
        let codes = (10_000..100_000).map(|n: u32| format!("{n}{}", interim(&n.to_string()).unwrap()));
        for code in codes {
            let digits = code.as_bytes();
            for place in 0..digits.len() {
                for wrong in b'0'..=b'9' {
                    let mut slip = digits.to_vec();
                    slip[place] = wrong;
                    let slip = String::from_utf8(slip).unwrap();
                    assert!(slip == code || !is_well_formed(&slip), "{code} → {slip}");
                }
                let mut swap = digits.to_vec();
                if place + 1 < swap.len() {
                    swap.swap(place, place + 1);
                }
                let swap = String::from_utf8(swap).unwrap();
                assert!(swap == code || !is_well_formed(&swap), "{code} → {swap}");
            }
        }
    }

    #[test]
    fn codes_grow_a_digit_at_half_use() {
        assert_eq!(length_for(|_| Ok(44_999)).unwrap(), 6);
        assert_eq!(length_for(|length| Ok(if length == 6 { 45_000 } else { 0 })).unwrap(), 7);
    }
}
