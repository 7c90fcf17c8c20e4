//! The states of a webhook and of its deliveries.

crate::text_enum! {
    /// The state of a webhook endpoint.
    #[schema(as = WebhookState)]
    pub enum State {
        /// The endpoint receives its events.
        Active = "active",
        /// The endpoint is not called.
        Disabled = "disabled",
        /// Never seen by clients: the row stays until its log is swept.
        #[serde(skip)]
        Deleted = "deleted",
    }
}

crate::text_enum! {
    /// Why an endpoint is disabled.
    #[schema(as = WebhookDisabledReason)]
    pub enum DisabledReason {
        /// It answered 410 Gone.
        Gone = "gone",
        /// A staff member disabled it.
        Staff = "staff",
    }
}

crate::text_enum! {
    /// The state of a delivery.
    #[schema(as = WebhookDeliveryState)]
    pub enum DeliveryState {
        /// More attempts will follow.
        Queued = "queued",
        Delivered = "delivered",
        /// No attempt succeeded, and none will follow.
        Failed = "failed",
    }
}
