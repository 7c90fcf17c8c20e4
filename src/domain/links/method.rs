//! How a patient reached a practice.

use super::Source;

crate::text_enum! {
    /// How the link or invite reached the patient's device.
    #[schema(as = PairingMethod)]
    pub enum Method {
        /// The link itself opened the installed app.
        UniversalLink = "universal_link",
        /// Google Play passed the code on after the install.
        PlayReferrer = "play_referrer",
        /// The link opened an App Clip.
        AppClip = "app_clip",
        /// The code was pasted, with the patient's consent.
        Pasteboard = "pasteboard",
        /// The patient typed the code.
        Typed = "typed",
        /// The QR code was scanned in the app.
        Scanned = "scanned",
        /// The patient entered the phone number on the landing page, and proved it in the app.
        PhoneFirst = "phone_first",
        /// The patient accepted an invite.
        Invite = "invite",
    }
}

impl From<Source> for Method {
    fn from(source: Source) -> Self {
        match source {
            Source::UniversalLink => Self::UniversalLink,
            Source::PlayReferrer => Self::PlayReferrer,
            Source::AppClip => Self::AppClip,
            Source::Pasteboard => Self::Pasteboard,
            Source::Typed => Self::Typed,
            Source::Scanned => Self::Scanned,
        }
    }
}
