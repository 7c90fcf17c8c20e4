//! The actions that the audit log knows. Every rule that writes to the log names one of them, and the console
//! has words for each.

use crate::text_enum;

/// What was done; the text is the subject and, after a dot, the action.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
pub enum Action {
    #[strum(serialize = "account.created")]
    AccountCreated,
    #[strum(serialize = "account.deleted")]
    AccountDeleted,
    #[strum(serialize = "account.email_proven")]
    AccountEmailProven,
    #[strum(serialize = "account.number_changed")]
    AccountNumberChanged,
    #[strum(serialize = "audit.exported")]
    AuditExported,
    #[strum(serialize = "conversation.changed")]
    ConversationChanged,
    #[strum(serialize = "conversation.unverified_acknowledged")]
    ConversationUnverifiedAcknowledged,
    #[strum(serialize = "funnel.exported")]
    FunnelExported,
    #[strum(serialize = "identity.confirm")]
    IdentityConfirmed,
    #[strum(serialize = "identity.re_verify")]
    IdentityDoubted,
    #[strum(serialize = "identity.exported")]
    IdentityExported,
    #[strum(serialize = "identity.reject")]
    IdentityRejected,
    #[strum(serialize = "identity.undo")]
    IdentityUndone,
    #[strum(serialize = "invite.accepted")]
    InviteAccepted,
    #[strum(serialize = "invite.bounced")]
    InviteBounced,
    #[strum(serialize = "invite.created")]
    InviteCreated,
    #[strum(serialize = "invite.email_proven")]
    InviteEmailProven,
    #[strum(serialize = "invite.imported")]
    InviteImported,
    #[strum(serialize = "invite.opened")]
    InviteOpened,
    #[strum(serialize = "invite.other_number")]
    InviteOtherNumber,
    #[strum(serialize = "invite.phone_proven")]
    InvitePhoneProven,
    #[strum(serialize = "invite.revoked")]
    InviteRevoked,
    #[strum(serialize = "invite.sent")]
    InviteSent,
    #[strum(serialize = "keys.rotated")]
    KeysRotated,
    #[strum(serialize = "link.changed")]
    LinkChanged,
    #[strum(serialize = "link.created")]
    LinkCreated,
    #[strum(serialize = "notifications.changed")]
    NotificationsChanged,
    #[strum(serialize = "notifications.paused")]
    NotificationsPaused,
    #[strum(serialize = "pairing.created")]
    PairingCreated,
    #[strum(serialize = "pairing.ended")]
    PairingEnded,
    #[strum(serialize = "pairing.link_opened")]
    PairingLinkOpened,
    #[strum(serialize = "practice.changed")]
    PracticeChanged,
    #[strum(serialize = "practice.closed")]
    PracticeClosed,
    #[strum(serialize = "practice.created")]
    PracticeCreated,
    #[strum(serialize = "practice.logo_changed")]
    PracticeLogoChanged,
    #[strum(serialize = "practice.resumed")]
    PracticeResumed,
    #[strum(serialize = "practice.suspended")]
    PracticeSuspended,
    #[strum(serialize = "records.import_begun")]
    RecordsImportBegun,
    #[strum(serialize = "records.import_ended")]
    RecordsImportEnded,
    #[strum(serialize = "records.results_exported")]
    RecordsResultsExported,
    #[strum(serialize = "session.created")]
    SessionCreated,
    #[strum(serialize = "session.lifted")]
    SessionLifted,
    #[strum(serialize = "staff.changed")]
    StaffChanged,
    #[strum(serialize = "staff.enrolled")]
    StaffEnrolled,
    #[strum(serialize = "staff.invited")]
    StaffInvited,
    #[strum(serialize = "staff.password_changed")]
    StaffPasswordChanged,
    #[strum(serialize = "staff.password_failed")]
    StaffPasswordFailed,
    #[strum(serialize = "staff.password_set")]
    StaffPasswordSet,
    #[strum(serialize = "staff.recovery_codes_renewed")]
    StaffRecoveryCodesRenewed,
    #[strum(serialize = "staff.refresh_token_reused")]
    StaffRefreshTokenReused,
    #[strum(serialize = "staff.renamed")]
    StaffRenamed,
    #[strum(serialize = "staff.reset_requested")]
    StaffResetRequested,
    #[strum(serialize = "staff.second_factor_failed")]
    StaffSecondFactorFailed,
    #[strum(serialize = "staff.session_ended")]
    StaffSessionEnded,
    #[strum(serialize = "staff.signed_in")]
    StaffSignedIn,
    #[strum(serialize = "staff.signed_out")]
    StaffSignedOut,
    #[strum(serialize = "staff.signed_out_everywhere")]
    StaffSignedOutEverywhere,
    #[strum(serialize = "staff.totp_reset")]
    StaffTotpReset,
    #[strum(serialize = "team.changed")]
    TeamChanged,
    #[strum(serialize = "team.created")]
    TeamCreated,
    #[strum(serialize = "webhook.changed")]
    WebhookChanged,
    #[strum(serialize = "webhook.created")]
    WebhookCreated,
    #[strum(serialize = "webhook.deleted")]
    WebhookDeleted,
    #[strum(serialize = "webhook.disabled")]
    WebhookDisabled,
    #[strum(serialize = "webhook.replayed")]
    WebhookReplayed,
    #[strum(serialize = "webhook.rotated")]
    WebhookRotated,
}

/// What an action is about: the part of its text before the dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Subject {
    Staff,
    Team,
    Link,
    /// The visitors of a link.
    Funnel,
    Invite,
    Pairing,
    Account,
    /// A patient's sign-in.
    Session,
    Conversation,
    Identity,
    Records,
    Notifications,
    Webhook,
    Practice,
    Keys,
    Audit,
}

text_enum!(Action, Subject);

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
