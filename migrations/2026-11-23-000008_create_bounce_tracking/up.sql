-- A sender is stored as digits only: if the setting is written in another format, the opt-outs for that sender remain
-- valid.
INSERT INTO opt_outs (sender, phone_key, created_at)
SELECT substr(spelled.sender, 2), spelled.phone_key, spelled.created_at
FROM opt_outs AS spelled
WHERE spelled.sender LIKE '+%'
    AND NOT EXISTS (
        SELECT 1 FROM opt_outs AS bare
        WHERE bare.sender = substr(spelled.sender, 2) AND bare.phone_key = spelled.phone_key
    );
DELETE FROM opt_outs WHERE sender LIKE '+%';
-- Ids of the mail servers' reports that were processed: a signed report that is replayed changes nothing.
CREATE TABLE mail_reports (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);
CREATE INDEX mail_reports_age ON mail_reports (created_at);
-- The mailbox (as a keyed hash) that a notification was sent to: the person's address may change between its queueing
-- and a bounce.
CREATE TABLE mailed (
    outbox_id TEXT NOT NULL PRIMARY KEY,
    address_key TEXT NOT NULL,
    bounced_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX mailed_age ON mailed (created_at);
-- A row to lock: changes to a practice's list of recipients run one after another.
CREATE TABLE notice_turns (
    practice_id TEXT NOT NULL PRIMARY KEY REFERENCES practices (id),
    taken_at BIGINT NOT NULL
);
