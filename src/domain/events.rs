//! Every kind of event. A rule that changes something emits one of them ([`crate::platform::Tx::emit`]);
//! who follows it is in [`super::reactions`]. The audit log shows those that people did, and the console has
//! words for each of these.

use strum::VariantArray as _;

use crate::platform::event_log::{Event, LogKind};

crate::text_enum! {
    /// What happened; the text is the subject and, after a dot, what happened to it.
    pub enum EventKind {
        AccountCreated = "account.created",
        AccountDeleted = "account.deleted",
        AccountEmailProven = "account.email_proven",
        AccountNumberChanged = "account.number_changed",
        AuditExported = "audit.exported",
        ConversationChanged = "conversation.changed",
        ConversationEntryCreated = "conversation.entry_created",
        /// It was marked as read or unread.
        ConversationMarked = "conversation.marked",
        /// What is known of its patient changed: details, or what was verified.
        ConversationPatientChanged = "conversation.patient_changed",
        ConversationRead = "conversation.read",
        /// It was closed or opened again by a decision about the identity.
        ConversationStatusChanged = "conversation.status_changed",
        ConversationUnverifiedAcknowledged = "conversation.unverified_acknowledged",
        FunnelExported = "funnel.exported",
        IdentityConfirmed = "identity.confirm",
        IdentityDoubted = "identity.re_verify",
        IdentityExported = "identity.exported",
        IdentityRejected = "identity.reject",
        IdentityUndone = "identity.undo",
        InviteAccepted = "invite.accepted",
        InviteBounced = "invite.bounced",
        InviteCreated = "invite.created",
        InviteEmailProven = "invite.email_proven",
        InviteImported = "invite.imported",
        InviteOpened = "invite.opened",
        InviteOtherNumber = "invite.other_number",
        InvitePhoneProven = "invite.phone_proven",
        InviteRevoked = "invite.revoked",
        InviteSent = "invite.sent",
        KeysRotated = "keys.rotated",
        LinkChanged = "link.changed",
        LinkCreated = "link.created",
        NotificationsChanged = "notifications.changed",
        NotificationsPaused = "notifications.paused",
        PairingCreated = "pairing.created",
        PairingEnded = "pairing.ended",
        PairingLinkOpened = "pairing.link_opened",
        /// A text with the link to the app was sent.
        PendingPairingMessageSent = "pending_pairing.message_sent",
        /// The number that a link was texted to was verified.
        PendingPairingPhoneProven = "pending_pairing.phone_proven",
        PracticeChanged = "practice.changed",
        PracticeClosed = "practice.closed",
        PracticeCreated = "practice.created",
        PracticeLogoChanged = "practice.logo_changed",
        PracticeResumed = "practice.resumed",
        PracticeSuspended = "practice.suspended",
        RecordsImportBegun = "records.import_begun",
        RecordsImportEnded = "records.import_ended",
        RecordsResultsExported = "records.results_exported",
        SessionCreated = "session.created",
        SessionLifted = "session.lifted",
        StaffChanged = "staff.changed",
        StaffEnrolled = "staff.enrolled",
        StaffInvited = "staff.invited",
        StaffPasswordChanged = "staff.password_changed",
        StaffPasswordFailed = "staff.password_failed",
        StaffPasswordSet = "staff.password_set",
        StaffRecoveryCodesRenewed = "staff.recovery_codes_renewed",
        StaffRefreshTokenReused = "staff.refresh_token_reused",
        StaffRenamed = "staff.renamed",
        StaffResetRequested = "staff.reset_requested",
        StaffSecondFactorFailed = "staff.second_factor_failed",
        StaffSessionEnded = "staff.session_ended",
        StaffSignedIn = "staff.signed_in",
        StaffSignedOut = "staff.signed_out",
        StaffSignedOutEverywhere = "staff.signed_out_everywhere",
        StaffTotpReset = "staff.totp_reset",
        TeamChanged = "team.changed",
        TeamCreated = "team.created",
        VerificationApproved = "verification.approved",
        VerificationMessageSent = "verification.message_sent",
        WebhookChanged = "webhook.changed",
        WebhookCreated = "webhook.created",
        WebhookDeleted = "webhook.deleted",
        WebhookDisabled = "webhook.disabled",
        WebhookReplayed = "webhook.replayed",
        WebhookRotated = "webhook.rotated",
    }
}

impl EventKind {
    /// The kind of an event; `None` for one of a newer release.
    pub fn of(event: &Event) -> Option<Self> {
        event.kind.parse().ok()
    }

    /// Whether the audit log shows it: not what a conversation and the statistics consist of.
    pub fn is_audited(self) -> bool {
        !matches!(
            self,
            Self::ConversationEntryCreated
                | Self::ConversationMarked
                | Self::ConversationPatientChanged
                | Self::ConversationRead
                | Self::ConversationStatusChanged
                | Self::PendingPairingMessageSent
                | Self::PendingPairingPhoneProven
                | Self::VerificationApproved
                | Self::VerificationMessageSent
        )
    }

    /// The kinds that the audit log does not show.
    pub fn not_audited() -> impl Iterator<Item = &'static str> {
        Self::VARIANTS.iter().filter(|kind| !kind.is_audited()).map(|kind| kind.as_str())
    }
}

impl LogKind for EventKind {
    fn text(self) -> &'static str {
        self.as_str()
    }

    /// Only statistics follow from the others.
    fn is_urgent(self) -> bool {
        !matches!(
            self,
            Self::PendingPairingMessageSent
                | Self::PendingPairingPhoneProven
                | Self::VerificationApproved
                | Self::VerificationMessageSent
        )
    }
}

crate::text_enum! {
    /// What an audited event is about: the part of its text before the dot.
    pub enum Subject {
        Staff = "staff",
        Team = "team",
        Link = "link",
        /// The visitors of a link.
        Funnel = "funnel",
        Invite = "invite",
        Pairing = "pairing",
        Account = "account",
        /// A patient's sign-in on one device.
        Session = "session",
        Conversation = "conversation",
        Identity = "identity",
        Records = "records",
        Notifications = "notifications",
        Webhook = "webhook",
        Practice = "practice",
        Keys = "keys",
        Audit = "audit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_audited_kind_begins_with_its_subject() {
        for kind in EventKind::VARIANTS.iter().filter(|kind| kind.is_audited()) {
            let subject = kind.as_str().split('.').next().unwrap();
            assert!(subject.parse::<Subject>().is_ok(), "{kind}");
        }
    }
}
