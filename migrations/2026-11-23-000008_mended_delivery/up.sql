-- A sender is stored by its digits alone: a setting that is spelled anew keeps what people said to it.
INSERT INTO opt_outs (sender, phone_key, created_at)
SELECT substr(spelled.sender, 2), spelled.phone_key, spelled.created_at
FROM opt_outs AS spelled
WHERE spelled.sender LIKE '+%'
    AND NOT EXISTS (
        SELECT 1 FROM opt_outs AS bare
        WHERE bare.sender = substr(spelled.sender, 2) AND bare.phone_key = spelled.phone_key
    );
DELETE FROM opt_outs WHERE sender LIKE '+%';
-- Ids of reports of mail servers that were taken: a signed report that comes again changes nothing.
CREATE TABLE mail_reports (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);
CREATE INDEX mail_reports_age ON mail_reports (created_at);
-- To which mailbox (blindly) a notice went: between its queueing and a bounce the person's address may change.
CREATE TABLE mailed (
    outbox_id TEXT NOT NULL PRIMARY KEY,
    address_key TEXT NOT NULL,
    bounced_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX mailed_age ON mailed (created_at);
-- A row to wait for: who changes a practice's list of recipients comes one after the other.
CREATE TABLE notice_turns (
    practice_id TEXT NOT NULL PRIMARY KEY REFERENCES practices (id),
    taken_at BIGINT NOT NULL
);
