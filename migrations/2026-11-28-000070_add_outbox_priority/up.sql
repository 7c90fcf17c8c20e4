-- What is sent first: 0 codes and what answers a patient, 1 password letters, 2 notices, 3 bulk. An index for each
-- channel in this order replaces the one by time alone.
ALTER TABLE outbox ADD COLUMN priority INTEGER NOT NULL DEFAULT 2;
UPDATE outbox SET priority = 0 WHERE settled_at IS NULL
    AND topic IN ('verification_code', 'email_code', 'app_link', 'consent_answer', 'number_changed');
UPDATE outbox SET priority = 1 WHERE settled_at IS NULL AND topic = 'staff_letter';
UPDATE outbox SET priority = 3 WHERE settled_at IS NULL AND topic IN ('invite_text', 'invite_mail');
DROP INDEX outbox_open;
CREATE INDEX outbox_open ON outbox (channel, priority, next_at, id) WHERE settled_at IS NULL;
CREATE INDEX outbox_due ON outbox (channel, next_at) WHERE settled_at IS NULL;
