-- The practice's side: staff sign-in, an inbox, and an audit log in which missing rows are detected.

-- A staff member without a password is invited and cannot sign in yet. The TOTP secret is encrypted and not hashed,
-- because checking a code needs it in plain text; the last accepted step makes each code valid only once.
ALTER TABLE staff ADD COLUMN password_hash TEXT;
ALTER TABLE staff ADD COLUMN password_at BIGINT;
ALTER TABLE staff ADD COLUMN totp_secret TEXT;
ALTER TABLE staff ADD COLUMN totp_step BIGINT;
ALTER TABLE staff ADD COLUMN enrolled_at BIGINT;

-- A session, of the API (access and refresh tokens) or of the console (a cookie).
CREATE TABLE staff_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    kind TEXT NOT NULL CHECK (kind IN ('api', 'console')),
    label TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX staff_sessions_staff ON staff_sessions (staff_id);

-- The token that authenticates a session: a refresh token, or a console cookie.
CREATE TABLE staff_tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES staff_sessions (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX staff_tokens_session ON staff_tokens (session_id);

-- The state between the password and the second factor. An enrollment holds the secret that is being verified,
-- encrypted.
CREATE TABLE staff_challenges (
    hash TEXT NOT NULL PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    new_secret TEXT,
    attempts INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX staff_challenges_expiry ON staff_challenges (expires_at);

CREATE TABLE staff_recovery_codes (
    hash TEXT NOT NULL PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX staff_recovery_codes_staff ON staff_recovery_codes (staff_id);

-- What an e-mail lets a staff member do once: accept an invitation, or set a new password.
CREATE TABLE staff_letters (
    hash TEXT NOT NULL PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('invitation', 'reset')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX staff_letters_staff ON staff_letters (staff_id);

-- Failed sign-ins by account and by network, as keyed hashes: they slow down further tries, and lock nobody out.
CREATE TABLE staff_throttles (
    key TEXT NOT NULL PRIMARY KEY,
    fails INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX staff_throttles_expiry ON staff_throttles (expires_at);

-- The inbox reads these columns without a join.
ALTER TABLE conversations ADD COLUMN link_id TEXT;
ALTER TABLE conversations ADD COLUMN identity TEXT NOT NULL DEFAULT 'unverified'
    CHECK (identity IN ('unverified', 'confirmed', 'rejected', 're_verify'));
ALTER TABLE conversations ADD COLUMN last_entry_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN unread BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE conversations ADD COLUMN read_position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN patient_read_position INTEGER NOT NULL DEFAULT 0;
-- The staff member who acknowledged, once, that they write to a patient whose identity is not verified.
ALTER TABLE conversations ADD COLUMN acknowledged_by TEXT;
ALTER TABLE conversations ADD COLUMN acknowledged_at BIGINT;
UPDATE conversations SET last_entry_at = created_at,
    link_id = (SELECT pairings.link_id FROM pairings WHERE pairings.id = conversations.pairing_id);
DROP INDEX conversations_practice;
CREATE INDEX conversations_inbox ON conversations (practice_id, last_entry_at, id);
CREATE INDEX conversations_of_link ON conversations (practice_id, link_id, last_entry_at, id);
CREATE INDEX conversations_of_assignee ON conversations (practice_id, assignee_id, last_entry_at, id);
CREATE INDEX conversations_unread ON conversations (practice_id, unread, last_entry_at, id);
CREATE INDEX conversations_by_identity ON conversations (practice_id, identity, last_entry_at, id);
CREATE INDEX conversation_tags_tag ON conversation_tags (tag, conversation_id);

-- The events that open consoles and apps receive: kept for a day, so that a broken stream resumes where it stopped.
CREATE TABLE live_events (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL,
    account_id TEXT,
    conversation_id TEXT,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX live_events_practice ON live_events (practice_id, id);
CREATE INDEX live_events_account ON live_events (account_id, id);
CREATE INDEX live_events_age ON live_events (created_at);

-- Each practice's events form a chain (the operator's own events form a separate one): a row's hash covers the
-- previous hash, so that a deleted or changed row is detected.
ALTER TABLE audit_events ADD COLUMN seq BIGINT;
ALTER TABLE audit_events ADD COLUMN hash TEXT;
CREATE UNIQUE INDEX audit_events_chain ON audit_events (practice_id, seq);
CREATE TABLE audit_heads (
    chain TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);

-- The practice's branding, and its countries.
ALTER TABLE practices ADD COLUMN logo BYTEA;
ALTER TABLE practices ADD COLUMN logo_type TEXT;
ALTER TABLE practices ADD COLUMN accent TEXT;
ALTER TABLE practices ADD COLUMN countries TEXT;
