-- Who is it? What a practice knows of the person behind a conversation, and what it did about it.

-- Work inside of the house goes through the outbox too: leased, tried again, seen by the operator. SQLite changes
-- no CHECK in place, so the column is written anew.
ALTER TABLE outbox ADD COLUMN lane TEXT NOT NULL DEFAULT 'task'
    CHECK (lane IN ('sms', 'voice', 'email', 'webhook', 'task'));
UPDATE outbox SET lane = channel;
DROP INDEX outbox_due;
ALTER TABLE outbox DROP COLUMN channel;
ALTER TABLE outbox RENAME COLUMN lane TO channel;
CREATE INDEX outbox_due ON outbox (channel, state, next_at);

-- Since when a conversation stands as it does, and whether somebody should look: the work-list in one range.
ALTER TABLE conversations ADD COLUMN identity_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN to_verify BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE conversations SET identity_since = created_at,
    to_verify = (status = 'open' AND identity IN ('unverified', 're_verify'));
CREATE INDEX conversations_to_verify ON conversations (practice_id, to_verify, identity_since, id);

-- What was decided about who it is: appended, and kept for six years (45 CFR 164.316(b)(2)).
CREATE TABLE identity_decisions (
    id TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    -- From 1: two of one moment have an order too.
    position INTEGER NOT NULL,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    kind TEXT NOT NULL CHECK (kind IN ('confirm', 'reject', 'undo', 're_verify')),
    -- Of a confirmation how it was made, of a `re_verify` why.
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

-- Numbers that a practice does not pair with (any more), blindly.
CREATE TABLE blocked_numbers (
    practice_id TEXT NOT NULL REFERENCES practices (id),
    phone_key TEXT NOT NULL,
    decision_id TEXT NOT NULL REFERENCES identity_decisions (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (practice_id, phone_key)
);

-- The invite that a pairing came of, where it did.
ALTER TABLE pairings ADD COLUMN invite_id TEXT;

-- Proven by a code or a link that went there.
ALTER TABLE accounts ADD COLUMN email_proven_at BIGINT;

-- The practice's own patients, as it imported them. In clear, like the accounts: staff compare them by eye and
-- call the number that stands here.
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

-- Everything that a record ever said of somebody, as it is compared: numbers in E.164, addresses in lower case,
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

-- How far the person behind a conversation agrees with the records, as of the last look.
CREATE TABLE identity_grades (
    conversation_id TEXT NOT NULL PRIMARY KEY REFERENCES conversations (id),
    grade TEXT NOT NULL CHECK (grade IN ('match', 'certain', 'partial', 'ambiguous', 'none')),
    candidates INTEGER NOT NULL,
    record_id TEXT,
    graded_at BIGINT NOT NULL
);
