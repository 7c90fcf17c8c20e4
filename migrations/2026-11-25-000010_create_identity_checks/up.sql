-- Identity check: what a practice knows about the person behind a conversation, and what it decided.

-- Background jobs go through the outbox too: leased, retried, visible to the operator. SQLite cannot change a CHECK
-- in place, so the column is created again.
ALTER TABLE outbox ADD COLUMN lane TEXT NOT NULL DEFAULT 'task'
    CHECK (lane IN ('sms', 'voice', 'email', 'webhook', 'task'));
UPDATE outbox SET lane = channel;
DROP INDEX outbox_due;
ALTER TABLE outbox DROP COLUMN channel;
ALTER TABLE outbox RENAME COLUMN lane TO channel;
CREATE INDEX outbox_due ON outbox (channel, state, next_at);

-- Since when a conversation has its identity state, and whether staff should check it: the work list is one index
-- range.
ALTER TABLE conversations ADD COLUMN identity_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN to_verify BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE conversations SET identity_since = created_at,
    to_verify = (status = 'open' AND identity IN ('unverified', 're_verify'));
CREATE INDEX conversations_to_verify ON conversations (practice_id, to_verify, identity_since, id);

-- Identity decisions: append-only, and kept for six years (45 CFR 164.316(b)(2)).
CREATE TABLE identity_decisions (
    id TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    -- From 1: two decisions of the same moment have an order too.
    position INTEGER NOT NULL,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    kind TEXT NOT NULL CHECK (kind IN ('confirm', 'reject', 'undo', 're_verify')),
    -- For a confirmation, how it was made; for a `re_verify`, the reason.
    method TEXT,
    note TEXT,
    actor TEXT NOT NULL,
    record_id TEXT,
    compared TEXT,
    state_before TEXT NOT NULL,
    state_after TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX identity_decisions_order ON identity_decisions (conversation_id, position);

-- Numbers that a practice does not pair with (any more), as keyed hashes.
CREATE TABLE blocked_numbers (
    practice_id TEXT NOT NULL REFERENCES practices (id),
    phone_key TEXT NOT NULL,
    decision_id TEXT NOT NULL REFERENCES identity_decisions (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (practice_id, phone_key)
);

-- The invite that led to the pairing, if there was one.
ALTER TABLE pairings ADD COLUMN invite_id TEXT;

-- When the address was verified by a code or a link that was sent to it.
ALTER TABLE accounts ADD COLUMN email_proven_at BIGINT;

-- The practice's own patient records, as it imported them. In plain text, like the accounts: staff compare them by
-- eye and call the number that is stored here.
CREATE TABLE patient_records (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    -- The practice's own record number.
    number TEXT NOT NULL,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    birth_date TEXT,
    phone TEXT,
    email TEXT,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (practice_id, number)
);

-- Every value that a record ever had, in the form in which it is compared: numbers in E.164, addresses in lower case,
-- names and birth dates as written.
CREATE TABLE record_values (
    record_id TEXT NOT NULL REFERENCES patient_records (id),
    kind TEXT NOT NULL CHECK (kind IN ('phone', 'email', 'name', 'birth_date')),
    value TEXT NOT NULL,
    practice_id TEXT NOT NULL,
    current BOOLEAN NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (record_id, kind, value)
);
CREATE INDEX record_values_lookup ON record_values (practice_id, kind, value, record_id);

-- How well the person behind a conversation matches the records, as of the last comparison.
CREATE TABLE identity_grades (
    conversation_id TEXT NOT NULL PRIMARY KEY REFERENCES conversations (id),
    grade TEXT NOT NULL CHECK (grade IN ('match', 'certain', 'partial', 'ambiguous', 'none')),
    candidates INTEGER NOT NULL,
    record_id TEXT,
    graded_at BIGINT NOT NULL
);
