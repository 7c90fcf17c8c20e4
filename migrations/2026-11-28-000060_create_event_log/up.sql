-- One log of everything that happens. A unit of work inserts its events without a number; the sequencer gives each
-- committed event its number, without gaps, and its place in a hash chain. Nothing else ever changes in a row.
CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    seq BIGINT,
    at BIGINT NOT NULL,
    practice_id TEXT,
    account_id TEXT,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    conversation_id TEXT,
    place INTEGER NOT NULL DEFAULT 0,
    chain TEXT,
    chain_seq BIGINT,
    chain_hash TEXT
);

-- The audit log becomes the beginning of the event log. A chain's rows keep their order: a row is as late as the
-- latest row before it in its chain, because some were written by a transaction that began earlier.
INSERT INTO events (id, seq, at, practice_id, actor, kind, subject, detail, chain, chain_seq, chain_hash)
SELECT id, row_number() OVER (ORDER BY latest, chain, seq, id), created_at, practice_id, actor, action, subject,
    detail, chain, seq, hash
FROM (SELECT audit_events.*, max(created_at) OVER (PARTITION BY chain ORDER BY seq) AS latest FROM audit_events) AS old;

CREATE UNIQUE INDEX events_seq ON events (seq);
CREATE INDEX events_waiting ON events (id) WHERE seq IS NULL;
CREATE INDEX events_chain ON events (chain, chain_seq);

-- The last event of each chain; written by the sequencer alone.
CREATE TABLE event_chains (
    chain TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO event_chains (chain, seq, hash) SELECT chain, seq, hash FROM audit_heads;

-- How far each reaction has read the log, and under the name `sequence` how far it is numbered.
CREATE TABLE reaction_cursors (
    name TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);
INSERT INTO reaction_cursors (name, seq) SELECT 'sequence', max(seq) FROM events HAVING count(*) > 0;

-- Events that a reaction failed at: tried again while parked_at is null, and left to an operator afterwards.
CREATE TABLE parked_events (
    reaction TEXT NOT NULL,
    event_id TEXT NOT NULL REFERENCES events (id),
    attempts INTEGER NOT NULL,
    error TEXT NOT NULL,
    failed_at BIGINT NOT NULL,
    parked_at BIGINT,
    PRIMARY KEY (reaction, event_id)
);

DROP TABLE audit_events;
DROP TABLE audit_heads;
DROP TABLE live_events;

-- Grading was a task per conversation; it is a reaction to this event now. It comes after all others, or it would
-- look like an event that was passed over when later ones got their numbers.
INSERT INTO events (id, at, practice_id, actor, kind, subject, detail, conversation_id, chain)
SELECT 'evt_' || substr(outbox.id, 5),
    CASE WHEN outbox.created_at > latest.at THEN outbox.created_at ELSE latest.at END, conversations.practice_id, 'system',
    'conversation.patient_changed', conversations.id, '{}', conversations.id, conversations.practice_id
FROM (SELECT coalesce(max(at), 0) AS at FROM events) AS latest, outbox JOIN conversations
    ON conversations.id = replace(replace(outbox.payload, '{"conversation":"', ''), '"}', '')
WHERE outbox.topic = 'identity_grade' AND outbox.state IN ('queued', 'leased');
DELETE FROM deliveries WHERE outbox_id IN (SELECT id FROM outbox WHERE topic = 'identity_grade');
DELETE FROM outbox WHERE topic = 'identity_grade';
