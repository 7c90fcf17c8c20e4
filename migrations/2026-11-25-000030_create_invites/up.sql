-- Invites: one person, invited by a practice over two channels. Name, number and address are in plain text, because
-- staff see them; they are deleted a month after the invite has ended. The secrets that were sent are stored only as
-- hashes.
CREATE TABLE invites (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    -- The link whose tags, owner and welcome the conversation gets.
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    created_by TEXT NOT NULL,
    name TEXT,
    phone TEXT,
    email TEXT,
    language TEXT NOT NULL CHECK (language IN ('en', 'es')),
    state TEXT NOT NULL CHECK (state IN ('draft', 'sent', 'opened', 'phone_ok', 'email_ok', 'accepted', 'expired',
        'revoked', 'bounced')),
    token_hash TEXT UNIQUE,
    email_hash TEXT UNIQUE,
    email_hash_expires_at BIGINT,
    sends INTEGER NOT NULL,
    sent_at BIGINT,
    -- When the text is sent: not before morning.
    text_due_at BIGINT,
    opened_at BIGINT,
    phone_proven_at BIGINT,
    email_proven_at BIGINT,
    -- When somebody tried to accept the invite with another number.
    other_number_at BIGINT,
    bounced_channel TEXT CHECK (bounced_channel IN ('sms', 'email')),
    accepted_at BIGINT,
    revoked_at BIGINT,
    name_agrees BOOLEAN,
    account_id TEXT,
    conversation_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX invites_practice ON invites (practice_id, id);
CREATE INDEX invites_expiry ON invites (expires_at);

-- A list of people to invite, accepted as a whole and processed in many steps.
CREATE TABLE invite_imports (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    created_by TEXT NOT NULL,
    total INTEGER NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX invite_imports_practice ON invite_imports (practice_id, id);

CREATE TABLE invite_import_rows (
    import_id TEXT NOT NULL REFERENCES invite_imports (id),
    line INTEGER NOT NULL,
    -- The content of the row, until it has a result.
    written TEXT,
    result TEXT,
    invite_id TEXT,
    PRIMARY KEY (import_id, line)
);

-- The e-mail address that the account holder is verifying.
CREATE TABLE email_checks (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    email TEXT NOT NULL,
    -- The code is derived from this, with a key that is not in the database.
    seed TEXT NOT NULL,
    tries INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
