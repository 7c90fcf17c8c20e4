-- One DDL text for SQLite and PostgreSQL: Text, BigInt, Integer, Bool, Binary. Times are Unix milliseconds.

CREATE TABLE practices (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    city TEXT NOT NULL,
    plan TEXT NOT NULL CHECK (plan IN ('basic', 'communicator')),
    language TEXT NOT NULL CHECK (language IN ('en', 'es')),
    time_zone TEXT NOT NULL,
    notice_email TEXT,
    state TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'closed')),
    created_at BIGINT NOT NULL
);

CREATE TABLE practice_links (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    code TEXT NOT NULL UNIQUE,
    label TEXT NOT NULL,
    tags TEXT NOT NULL,
    welcome TEXT,
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'retired', 'closed')),
    is_default BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX practice_links_practice ON practice_links (practice_id);

CREATE TABLE verifications (
    id TEXT NOT NULL PRIMARY KEY,
    client_secret_hash TEXT NOT NULL,
    phone TEXT,
    phone_key TEXT NOT NULL,
    country TEXT NOT NULL,
    can_text BOOLEAN NOT NULL,
    link_id TEXT REFERENCES practice_links (id),
    practice_id TEXT REFERENCES practices (id),
    language TEXT NOT NULL CHECK (language IN ('en', 'es')),
    app_hash TEXT,
    key_id TEXT NOT NULL,
    nonce BYTEA NOT NULL,
    epoch INTEGER NOT NULL,
    code_expires_at BIGINT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('sms', 'voice')),
    delivery TEXT NOT NULL CHECK (delivery IN ('queued', 'sent', 'delivered', 'failed')),
    sends INTEGER NOT NULL,
    next_sms_at BIGINT,
    next_call_at BIGINT NOT NULL,
    checks INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    verified_at BIGINT,
    proof_hash TEXT UNIQUE,
    proof_expires_at BIGINT,
    proof_consumed_at BIGINT,
    proof_account_id TEXT,
    proof_pairing_id TEXT
);
CREATE INDEX verifications_created ON verifications (created_at);

CREATE TABLE check_budgets (
    phone_key TEXT NOT NULL PRIMARY KEY,
    fails INTEGER NOT NULL,
    fails_in_a_row INTEGER NOT NULL,
    window_ends_at BIGINT NOT NULL,
    next_check_at BIGINT NOT NULL
);

CREATE TABLE budgets (
    key TEXT NOT NULL PRIMARY KEY,
    hits TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX budgets_expiry ON budgets (expires_at);

CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    phone TEXT UNIQUE,
    email TEXT,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);

CREATE TABLE patients (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    birth_date TEXT,
    session_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX patients_account ON patients (account_id);

CREATE TABLE account_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    scope TEXT NOT NULL CHECK (scope IN ('full', 'restricted')),
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX account_sessions_account ON account_sessions (account_id);

CREATE TABLE refresh_tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES account_sessions (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE pairings (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    patient_id TEXT NOT NULL REFERENCES patients (id),
    practice_id TEXT NOT NULL REFERENCES practices (id),
    link_id TEXT REFERENCES practice_links (id),
    session_id TEXT NOT NULL,
    method TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
-- A patient has one active pairing per practice; a patient who has left may pair again.
CREATE UNIQUE INDEX pairings_once ON pairings (patient_id, practice_id) WHERE ended_at IS NULL;
CREATE INDEX pairings_account ON pairings (account_id, created_at);

CREATE TABLE conversations (
    id TEXT NOT NULL PRIMARY KEY,
    pairing_id TEXT NOT NULL UNIQUE REFERENCES pairings (id),
    practice_id TEXT NOT NULL REFERENCES practices (id),
    status TEXT NOT NULL CHECK (status IN ('open', 'closed')),
    entry_count INTEGER NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX conversations_practice ON conversations (practice_id, created_at);

CREATE TABLE conversation_tags (
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    tag TEXT NOT NULL,
    PRIMARY KEY (conversation_id, tag)
);

CREATE TABLE entries (
    id TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    position INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('welcome', 'system', 'message')),
    author TEXT NOT NULL CHECK (author IN ('practice', 'patient', 'system')),
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (conversation_id, position)
);

CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    topic TEXT NOT NULL,
    dedupe_key TEXT NOT NULL UNIQUE,
    recipient TEXT,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'sent', 'dropped', 'dead')),
    attempts INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    not_after BIGINT,
    lease_token TEXT,
    leased_until BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    settled_at BIGINT
);
CREATE INDEX outbox_due ON outbox (state, next_at);

CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    outbox_id TEXT NOT NULL REFERENCES outbox (id),
    attempt INTEGER NOT NULL,
    outcome TEXT,
    started_at BIGINT NOT NULL,
    finished_at BIGINT
);
-- Not unique: a requeued row starts counting its attempts from the beginning again.
CREATE INDEX deliveries_outbox ON deliveries (outbox_id, attempt);

CREATE TABLE caught_messages (
    id TEXT NOT NULL PRIMARY KEY,
    dedupe_key TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL CHECK (channel IN ('sms', 'voice', 'email')),
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    code TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX caught_messages_recipient ON caught_messages (recipient, created_at);

CREATE TABLE idempotency_keys (
    key_hash TEXT NOT NULL PRIMARY KEY,
    request_mac TEXT NOT NULL,
    answer BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

CREATE TABLE audit_events (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX audit_events_practice ON audit_events (practice_id, created_at);
