//! States of an invite, and the channels of its messages.

crate::text_enum! {
    /// State of an invite, from draft to acceptance.
    #[schema(as = InviteState)]
    pub enum State {
        /// No message has been sent.
        Draft = "draft",
        /// Both messages were sent or are queued.
        Sent = "sent",
        /// A person opened the link of the text message.
        Opened = "opened",
        /// The number is verified, the address is not yet.
        PhoneOk = "phone_ok",
        /// The address is verified, the number is not yet.
        EmailOk = "email_ok",
        /// Both are verified, and a conversation was created.
        Accepted = "accepted",
        /// Its seven days have passed without acceptance.
        Expired = "expired",
        /// The practice canceled the invite.
        Revoked = "revoked",
        /// One of the messages could not be delivered.
        Bounced = "bounced",
    }
}

impl State {
    /// States in which its secrets are valid. A bounced invite is one of them: a bounce report can be
    /// wrong, and a caller who holds the secret has received the message.
    pub const LIVE: [Self; 5] = [Self::Sent, Self::Opened, Self::PhoneOk, Self::EmailOk, Self::Bounced];
    /// States that do not change any more.
    pub const FINAL: [Self; 2] = [Self::Accepted, Self::Revoked];

    /// Returns true if its secrets are valid in this state.
    pub fn is_live(self) -> bool {
        Self::LIVE.contains(&self)
    }

    /// Whether it can be sent (again): an expired invite starts over.
    pub fn can_be_sent(self) -> bool {
        !Self::FINAL.contains(&self)
    }
}

crate::text_enum! {
    /// Channel of one of an invite's messages.
    #[schema(as = InviteChannel)]
    pub enum Channel {
        /// The text message.
        Sms = "sms",
        /// The e-mail.
        Email = "email",
    }
}
