//! The closed sets of conversations: status, the kind and author of an entry, the identity state, the
//! relation of a patient to the account holder, and the scope of the holder's sessions.

crate::text_enum! {
    /// Whether a conversation takes new entries.
    #[schema(as = ConversationStatus)]
    pub enum Status {
        /// Both sides can write.
        Open = "open",
        /// The conversation can only be read.
        Closed = "closed",
    }
}

crate::text_enum! {
    /// The kind of an entry.
    pub enum EntryKind {
        /// The first entry, if the link has a welcome text.
        Welcome = "welcome",
        /// Says what happened, such as that the patient left.
        System = "system",
        /// A text that one side wrote.
        Message = "message",
    }
}

crate::text_enum! {
    /// The side that an entry is from.
    #[schema(as = EntryAuthor)]
    pub enum Author {
        /// Staff of the practice, or its welcome text.
        Practice = "practice",
        /// The patient or the holder of the account.
        Patient = "patient",
        /// The service itself.
        System = "system",
    }
}

crate::text_enum! {
    /// Identity state of the patient of a conversation.
    pub enum IdentityState {
        /// Not checked by the practice yet.
        Unverified = "unverified",
        /// The practice has confirmed who the patient is.
        Confirmed = "confirmed",
        /// The patient is not who the practice took them for.
        Rejected = "rejected",
        /// The identity was confirmed, and something has changed since.
        ReVerify = "re_verify",
    }
}

crate::text_enum! {
    /// Relation of a patient to the account holder, who writes for them.
    #[schema(as = PatientRelation)]
    pub enum Relation {
        /// The patient is the account holder.
        Itself = "self",
        /// A son or daughter of the account holder.
        Child = "child",
        /// The father or mother of the account holder.
        Parent = "parent",
        /// The husband, wife or partner of the account holder.
        Partner = "partner",
        /// A ward, whose guardian the account holder is.
        Ward = "ward",
        /// Any other person that the account holder writes for.
        Other = "other",
    }
}

crate::text_enum! {
    /// Access scope of a session.
    pub enum Scope {
        /// The session sees everything on the account.
        Full = "full",
        /// The session sees only what it created, and conversations whose practice has spoken
        /// to the patient since.
        Restricted = "restricted",
    }
}

impl IdentityState {
    /// Whether staff may write health information.
    pub fn allows_phi(self) -> bool {
        self == Self::Confirmed
    }

    /// Whether a staff member should check the identity.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Unverified | Self::ReVerify)
    }
}
