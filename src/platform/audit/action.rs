//! The actions that the audit log knows. Every rule that writes to the log names one of them, and the console
//! has words for each.

crate::text_enum! {
    /// What was done; the text is the subject and, after a dot, the action.
    pub enum Action {
        AccountCreated = "account.created",
        AccountDeleted = "account.deleted",
        AccountEmailProven = "account.email_proven",
        AccountNumberChanged = "account.number_changed",
        AuditExported = "audit.exported",
        ConversationChanged = "conversation.changed",
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
        WebhookChanged = "webhook.changed",
        WebhookCreated = "webhook.created",
        WebhookDeleted = "webhook.deleted",
        WebhookDisabled = "webhook.disabled",
        WebhookReplayed = "webhook.replayed",
        WebhookRotated = "webhook.rotated",
    }
}

crate::text_enum! {
    /// What an action is about: the part of its text before the dot.
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
    use strum::VariantArray as _;

    use super::*;

    #[test]
    fn every_action_begins_with_its_subject() {
        for action in Action::VARIANTS {
            let subject = action.as_str().split('.').next().unwrap();
            assert!(subject.parse::<Subject>().is_ok(), "{action}");
        }
    }
}
