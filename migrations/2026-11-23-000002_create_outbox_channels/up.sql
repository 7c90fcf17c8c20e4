-- Actual delivery: separate channels, providers and their receipts, opt-outs, the practice's notifications
-- and webhooks.

-- Each channel has its own workers, its own send rate and its own pause.
ALTER TABLE outbox ADD COLUMN channel TEXT NOT NULL DEFAULT 'email'
    CHECK (channel IN ('sms', 'voice', 'email', 'webhook'));
UPDATE outbox SET channel = 'sms' WHERE topic IN ('verification_code', 'app_link');
-- Attempts with an unknown outcome: after such an attempt a text is sent at most once more.
ALTER TABLE outbox ADD COLUMN ambiguous INTEGER NOT NULL DEFAULT 0;
-- A leased row is due again when its lease expires: one time column for both, and so one index range.
DROP INDEX outbox_due;
UPDATE outbox SET next_at = leased_until WHERE state = 'leased';
ALTER TABLE outbox DROP COLUMN leased_until;
CREATE INDEX outbox_due ON outbox (channel, state, next_at);
CREATE INDEX outbox_settled ON outbox (settled_at);

-- The provider that accepted an attempt, the provider's reference for it, and the receipt that the provider reported
-- later.
ALTER TABLE deliveries ADD COLUMN provider TEXT;
ALTER TABLE deliveries ADD COLUMN reference TEXT;
ALTER TABLE deliveries ADD COLUMN receipt TEXT NOT NULL DEFAULT 'none'
    CHECK (receipt IN ('none', 'accepted', 'sent', 'undelivered', 'delivered'));
ALTER TABLE deliveries ADD COLUMN receipt_at BIGINT;

-- A row exists here while its channel is paused: nothing is claimed until `try_at`, and then one row as a trial.
CREATE TABLE paused_channels (
    channel TEXT NOT NULL PRIMARY KEY CHECK (channel IN ('sms', 'voice', 'email', 'webhook')),
    reason TEXT NOT NULL,
    paused_at BIGINT NOT NULL,
    try_at BIGINT NOT NULL,
    -- Some accounts are refused only after the provider accepted the message: then only a receipt resumes the
    -- channel.
    needs_receipt BOOLEAN NOT NULL
);

-- A carrier may report that a number cannot take calls, just as it may report that it cannot take texts.
ALTER TABLE verifications ADD COLUMN can_call BOOLEAN NOT NULL DEFAULT TRUE;

-- STOP opt-outs, per sender and number. The number is stored as the same key as in the rate limits.
CREATE TABLE opt_outs (
    sender TEXT NOT NULL,
    phone_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (sender, phone_key)
);

-- Inbound SMS, by provider and the provider's own id: a replayed STOP must not undo a later START.
CREATE TABLE inbound_texts (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);
CREATE INDEX inbound_texts_age ON inbound_texts (created_at);

-- How often a recipient is notified of a link's new patients. `person` is a staff member, or the practice itself for
-- its own address.
CREATE TABLE notice_preferences (
    person TEXT NOT NULL,
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    frequency TEXT NOT NULL CHECK (frequency IN ('immediate', 'hourly', 'daily', 'off')),
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (person, link_id)
);

-- A digest that is still open: one e-mail per person and link, sent at `due_at`.
CREATE TABLE digests (
    id TEXT NOT NULL PRIMARY KEY,
    person TEXT NOT NULL,
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    count INTEGER NOT NULL,
    first_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX digests_once ON digests (person, link_id, due_at);
CREATE INDEX pairing_links_recent ON pairing_links (link_id, created_at);

-- Addresses with a permanent bounce, as keyed hashes; a person whose address has changed since is written to again.
CREATE TABLE bounced_mailboxes (
    address_key TEXT NOT NULL PRIMARY KEY,
    person TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX bounced_mailboxes_person ON bounced_mailboxes (person);

-- The URLs where a practice receives webhooks. Secrets are encrypted and not hashed, because signing needs them in
-- plain text.
CREATE TABLE webhook_endpoints (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    url TEXT NOT NULL,
    label TEXT NOT NULL,
    events TEXT NOT NULL,
    secret TEXT NOT NULL,
    old_secret TEXT,
    old_secret_until BIGINT,
    state TEXT NOT NULL CHECK (state IN ('active', 'disabled', 'deleted')),
    disabled_reason TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX webhook_endpoints_practice ON webhook_endpoints (practice_id, id);

CREATE TABLE webhook_events (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX webhook_events_age ON webhook_events (created_at);

-- The delivery log: the outcome of an event at an endpoint.
CREATE TABLE webhook_deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id),
    event_id TEXT NOT NULL REFERENCES webhook_events (id),
    state TEXT NOT NULL CHECK (state IN ('queued', 'delivered', 'failed')),
    attempts INTEGER NOT NULL,
    last_outcome TEXT,
    replays INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT
);
CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (endpoint_id, event_id);
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (endpoint_id, id);
