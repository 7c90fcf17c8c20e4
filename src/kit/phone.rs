//! Phone numbers: parses what a person types into a [`Phone`], or gives a plain reason why not.
//!
//! The numbering plans are Google's, through `rlibphonenumber`: it agreed with Google's own port on all of
//! 5,772 inputs, where the `phonenumber` crate differed on 165 and silently changed 29 valid numbers into
//! other ones. This wrapper exists because libphonenumber is a *lenient* parser, made for address books: it
//! spells FLOWERS as digits, drops extensions and removes the zero of `+44 (0)20`. Here a wrong guess sends a
//! patient's code to a stranger, so everything that needs a guess is rejected, and the person types it again.
//!
//! Three steps, in reading order: `clean` leaves a plus and ASCII digits, or rejects; `dialed_in` gives
//! a national number its country; `Phone::accept` checks the E.164 text. Every new `Phone` passes the last
//! step with the very text that it keeps, so parsing `as_e164()` again is the identity by construction.
//!
//! The library writes whole numbers into `log` at `trace`, and no wrapper can stop it. That no
//! personal data is logged needs them kept out elsewhere: compiled out by the `log` crate's feature
//! `max_level_debug`, or never bridged into `tracing` (a feature of `tracing-subscriber`, `tracing-log`,
//! that any dependency may switch on).
//!
//! Which countries may receive texts is a setting, not a property of a number: compare [`Phone::region`].

use std::fmt;

use rlibphonenumber::{
    CountryCodeSource, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region, RegionStr,
};

/// Characters as typed. The longest legitimate spelling of fifteen digits is shorter.
const MAX_CHARS: usize = 32;

/// E.164 (ITU-T 2010, 6.1): country code and national number together. Google allows longer German ones.
const MAX_DIGITS: usize = 15;

/// A phone number in E.164 that can receive texts or calls.
///
/// `Debug` and `Display` are [masked](Phone::masked): only [`Phone::as_e164`] returns the whole number, so
/// a stray `{phone}` in a log line or an error reveals nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone {
    e164: String,
    country_code: i32,
    region: RegionStr,
    kind: PhoneKind,
}

/// Stored numbers that were parsed a moment ago. A sign-up reads its number from the database half a dozen
/// times, and each parse runs a dozen patterns, on SQLite while all other writers wait.
mod recent {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    use std::sync::{LazyLock, Mutex, PoisonError};

    use super::Phone;

    const SLOTS: u64 = 512;

    /// Each slot holds the last number that fell into it.
    static RECENT: LazyLock<Vec<Mutex<Option<Phone>>>> =
        LazyLock::new(|| (0..SLOTS).map(|_| Mutex::default()).collect());

    pub(super) fn find(e164: &str) -> Option<Phone> {
        let phone = slot(e164)?.lock().unwrap_or_else(PoisonError::into_inner);
        phone.as_ref().filter(|phone| phone.e164 == e164).cloned()
    }

    pub(super) fn remember(phone: &Phone) {
        if let Some(slot) = slot(&phone.e164) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(phone.clone());
        }
    }

    fn slot(e164: &str) -> Option<&'static Mutex<Option<Phone>>> {
        let mut hasher = DefaultHasher::new();
        e164.hash(&mut hasher);
        RECENT.get(usize::try_from(hasher.finish() % SLOTS).ok()?)
    }
}

/// The kind of a number. Kinds that are never accepted have no variant: see [`PhoneError::TypeRefused`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PhoneKind {
    /// A mobile number: can receive texts and calls.
    Mobile,
    /// The plan does not distinguish (all of North America): texts and calls are tried.
    FixedLineOrMobile,
    /// A landline: can receive only calls.
    FixedLine,
    /// Accepted when stored, but not under today's plans: parsed, but receives neither texts nor calls.
    Retired,
}

/// Why a number was rejected. No variant holds the input, so neither `Debug` nor `Display` can leak it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", prefix = "phone_")]
pub enum PhoneError {
    /// Nothing was typed, or not a single digit.
    #[error("Enter a phone number.")]
    Empty,
    /// More than 32 characters.
    #[error("The phone number is too long.")]
    TooLong,
    /// Letters: a vanity number, a `tel:` address, a word.
    #[error("A phone number can only have digits, no letters.")]
    Letters,
    /// An extension or pause (`x12`, `;ext=`, `,`, `#`) or a range (`/7`): codes cannot reach one.
    #[error("Leave out the extension: codes cannot be sent to one.")]
    Extension,
    /// The zero (or other trunk prefix) of national dialing after the country code: `+44 (0)20 …`.
    #[error("Leave out the zero or other prefix after the country code.")]
    NationalPrefix,
    /// A national number without a country that it could belong to.
    #[error("Begin the phone number with a plus and the country code.")]
    NotInternational,
    /// Not valid in any numbering plan: too short, too long, unassigned, a short code or emergency number.
    #[error("This is not a valid phone number.")]
    Invalid,
    /// A valid number of a kind that proves nothing about its owner. The text names the kind.
    #[error("Codes cannot be sent to a {0} number; use a mobile number or a landline.")]
    TypeRefused(&'static str),
}

impl Phone {
    /// Parses what a person typed. `default_region` (ISO 3166-1 alpha-2, any case) is the country of a
    /// number that does not begin with a plus; an unknown region counts as none.
    ///
    /// Fails with any [`PhoneError`]; the person can correct each of them.
    pub fn parse(input: &str, default_region: Option<&str>) -> Result<Self, PhoneError> {
        let typed = clean(input)?;
        let e164 = if typed.starts_with('+') { typed } else { dialed_in(&typed, default_region)? };
        Self::accept(e164)
    }

    /// Parses what [`Phone::as_e164`] returned. More tolerant than [`Phone::parse`] on purpose: plans
    /// change with every upgrade of the metadata, and a number that was verified once must not make its
    /// account unreadable. Such a number comes back as [`PhoneKind::Retired`].
    ///
    /// Fails with [`PhoneError::Invalid`] where the text is not canonical E.164 under a known country code.
    pub fn from_stored(e164: &str) -> Result<Self, PhoneError> {
        if let Some(phone) = recent::find(e164) {
            return Ok(phone);
        }
        let number = parse_canonical(e164).map_err(|_| PhoneError::Invalid)?;
        let region = PHONE_NUMBER_UTIL
            .get_region_for_number(&number)
            .or_else(|| PHONE_NUMBER_UTIL.get_region_for_country_code(number.country_code))
            .ok_or(PhoneError::Invalid)?;
        let kind = kind_of(&number, region).unwrap_or(PhoneKind::Retired);
        let phone = Self::new(e164.to_owned(), &number, region, kind);
        recent::remember(&phone);
        Ok(phone)
    }

    fn accept(e164: String) -> Result<Self, PhoneError> {
        let number = parse_canonical(&e164)?;
        let region = PHONE_NUMBER_UTIL.get_region_for_number(&number).ok_or(PhoneError::Invalid)?;
        let kind = kind_of(&number, region)?;
        let phone = Self::new(e164, &number, region, kind);
        recent::remember(&phone);
        Ok(phone)
    }

    fn new(e164: String, number: &PhoneNumber, region: Region, kind: PhoneKind) -> Self {
        Self { e164, country_code: number.country_code, region: region.as_region_str(), kind }
    }

    /// The whole number, `+14155552671`: for a provider and for the database, never for a log line (law 9).
    #[must_use]
    pub fn as_e164(&self) -> &str {
        &self.e164
    }

    /// ISO 3166-1 alpha-2 (and CLDR's `XK`, `AC`, `TA`) of the plan that the number belongs to: `+1 787 …`
    /// is `PR`, not `US`. Always two letters, except for a [`PhoneKind::Retired`] number of a global
    /// network, which is `001`.
    #[must_use]
    pub fn region(&self) -> &str {
        self.region.as_str()
    }

    #[must_use]
    pub fn kind(&self) -> PhoneKind {
        self.kind
    }

    /// `+1 •••••• 2671`, for a screen that says where the code was sent. Four digits show, or two where the
    /// national number is so short (under nine digits) that four would be most of it.
    #[must_use]
    pub fn masked(&self) -> String {
        let code = self.country_code.to_string();
        let national = self.e164.chars().skip(1 + code.len());
        let length = national.clone().count();
        let hidden = length - if length < 9 { 2.min(length / 2) } else { 4 };
        format!("+{code} {} {}", "•".repeat(hidden), national.skip(hidden).collect::<String>())
    }

    /// Whether the number can receive texts.
    #[must_use]
    pub fn can_text(&self) -> bool {
        matches!(self.kind, PhoneKind::Mobile | PhoneKind::FixedLineOrMobile)
    }

    /// Whether the number can receive voice calls.
    #[must_use]
    pub fn can_call(&self) -> bool {
        self.can_text() || self.kind == PhoneKind::FixedLine
    }
}

/// Whether `code` (ISO 3166-1 alpha-2, any case) is a country whose numbering plan is known.
#[must_use]
pub fn is_region(code: &str) -> bool {
    known_region(code).is_some()
}

fn known_region(code: &str) -> Option<Region> {
    let region = Region::from_code(code).ok()?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| region)
}

/// One of our own senders in the form in which it is stored and compared: a number only by its digits,
/// because settings and carriers spell it both with and without a plus; a name unchanged.
#[must_use]
pub fn sender_key(sender: &str) -> String {
    let sender = sender.trim();
    let bare = sender.strip_prefix('+').unwrap_or(sender);
    let is_number = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit());
    if is_number { bare.to_owned() } else { sender.to_owned() }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Parses canonical E.164 and nothing else. An international number must come out exactly as it went in:
/// that one comparison is the rule about the national zero, without a list of countries. Italy's `+39 06`
/// passes, because there the zero is part of the number and the library keeps it.
fn parse_canonical(e164: &str) -> Result<PhoneNumber, PhoneError> {
    if e164.len() > MAX_DIGITS + 1 {
        return Err(PhoneError::Invalid);
    }
    let number = PHONE_NUMBER_UTIL.parse(e164, None).map_err(|_| PhoneError::Invalid)?;
    let canonical = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
    if canonical == e164 {
        return Ok(number);
    }
    // Inserted digits mean a missing area code.
    Err(if canonical.len() < e164.len() { digits_taken_out_of(&number) } else { PhoneError::Invalid })
}

/// Digits removed from an international number were a national trunk prefix, if the rest is valid.
fn digits_taken_out_of(number: &PhoneNumber) -> PhoneError {
    if PHONE_NUMBER_UTIL.is_valid_number(number) { PhoneError::NationalPrefix } else { PhoneError::Invalid }
}

/// The E.164 text of digits dialed without a plus inside a region. Here the library may rewrite, because
/// the plan defines national dialing: GB `020 …` is `+44 20 …`, AR `011 15 …` is `+54 9 11 …`.
fn dialed_in(digits: &str, region: Option<&str>) -> Result<String, PhoneError> {
    let region = region.and_then(known_region).ok_or(PhoneError::NotInternational)?;
    // The raw input is kept for `country_code_source`, which the plain `parse` leaves out.
    let number =
        PHONE_NUMBER_UTIL.parse_and_keep_raw_input(digits, Some(region)).map_err(|_| PhoneError::Invalid)?;
    let e164 = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned();
    // `0044 …` and `44 …` are spellings of the international form, so its rule applies.
    let national = number.country_code_source() == CountryCodeSource::FromDefaultCountry;
    let kept = national || digits.ends_with(e164.trim_start_matches('+'));
    if kept { Ok(e164) } else { Err(digits_taken_out_of(&number)) }
}

/// The kind of a number, or the error. Three rejections are our own choice. *Toll-free* numbers belong to
/// organizations, which pay for the call. *`VoIP`* is barred by NIST SP 800-63B (revision 3, section 5.1.3.1)
/// as a method that does "not prove possession of a specific device"; only some plans mark it, and North
/// America's do not. *Satellite* numbers are mobiles of region `001`, and cost dollars per minute.
fn kind_of(number: &PhoneNumber, region: Region) -> Result<PhoneKind, PhoneError> {
    let refused = match PHONE_NUMBER_UTIL.get_number_type(number) {
        PhoneNumberType::Unknown => return Err(PhoneError::Invalid),
        PhoneNumberType::TollFree => "toll-free",
        PhoneNumberType::PremiumRate => "premium-rate",
        PhoneNumberType::SharedCost => "shared-cost",
        PhoneNumberType::VoIP => "internet (VoIP)",
        PhoneNumberType::PersonalNumber => "follow-me personal",
        PhoneNumberType::Pager => "pager",
        PhoneNumberType::UAN => "company-wide",
        PhoneNumberType::VoiceMail => "voicemail",
        _ if region == Region::World => "satellite",
        PhoneNumberType::Mobile => return Ok(PhoneKind::Mobile),
        PhoneNumberType::FixedLineOrMobile => return Ok(PhoneKind::FixedLineOrMobile),
        PhoneNumberType::FixedLine => return Ok(PhoneKind::FixedLine),
    };
    Err(PhoneError::TypeRefused(refused))
}

/// The typed digits in ASCII, after a plus where there was one. Only filler may be dropped.
fn clean(input: &str) -> Result<String, PhoneError> {
    if input.chars().nth(MAX_CHARS).is_some() {
        return Err(PhoneError::TooLong);
    }
    let input = input.trim();
    let mut text = String::with_capacity(MAX_DIGITS + 1);
    for (at, c) in input.char_indices() {
        let digit = digits_in(c.encode_utf8(&mut [0; 4]));
        if !digit.is_empty() {
            text.push_str(&digit);
        } else if matches!(c, '+' | '＋') && matches!(text.as_str(), "" | "+") {
            // A form that offers the plus, and a person who types it too: still one number.
            "+".clone_into(&mut text);
        } else if !is_filler(c) {
            return Err(rejection(c, input.get(at..).unwrap_or_default()));
        }
    }
    // "030 123456/7" is two lines, or a line and an extension; without this check it would be 0301234567.
    if input.rsplit_once(['/', '／']).is_some_and(|(_, tail)| digits_in(tail).len() < 3) {
        return Err(PhoneError::Extension);
    }
    if text.trim_start_matches('+').is_empty() { Err(PhoneError::Empty) } else { Ok(text) }
}

/// The decimal digits of any script, full-width and Arabic-Indic ones among them, as ASCII.
fn digits_in(text: &str) -> String {
    PHONE_NUMBER_UTIL.normalize_digits_only(text)
}

/// What people and their address books put around digits. Not in the list, and so rejected: control
/// characters, because a line break or tab separates two numbers; `~`, which writes a range; and U+202E,
/// which shows digits backwards.
fn is_filler(c: char) -> bool {
    let punctuation =
        matches!(c, '-' | '.' | '(' | ')' | '[' | ']' | '/' | '－' | '．' | '（' | '）' | '／' | 'ー')
            || matches!(c, '−' | '\u{2010}'..='\u{2015}');
    // Contact apps paste these around a number: bidi marks, embeddings and isolates.
    let bidi =
        matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202D}' | '\u{2066}'..='\u{2069}');
    // Soft hyphen, zero-width space and joiners, word joiner, byte order mark.
    let zero_width = matches!(c, '\u{00AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}');
    punctuation || bidi || zero_width || (c.is_whitespace() && !c.is_control())
}

/// The error for a character that is not filler; `rest` begins with it.
fn rejection(c: char, rest: &str) -> PhoneError {
    let rest = rest.to_lowercase();
    let lone_x = rest.starts_with(['x', 'ｘ', '×']) && !rest.chars().nth(1).is_some_and(char::is_alphabetic);
    if lone_x || rest.starts_with("ext") || matches!(c, '#' | '＃' | ',' | ';') {
        PhoneError::Extension
    } else if c.is_alphabetic() {
        PhoneError::Letters
    } else {
        PhoneError::Invalid
    }
}

impl PhoneError {
    /// A stable code for each error, finer than the API's `phone_invalid`: the golden test compares them.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}
