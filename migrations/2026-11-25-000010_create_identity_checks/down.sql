DROP TABLE identity_grades;
DROP TABLE record_values;
DROP TABLE patient_records;
ALTER TABLE accounts DROP COLUMN email_proven_at;
ALTER TABLE pairings DROP COLUMN invite_id;
DROP TABLE blocked_numbers;
DROP TABLE identity_decisions;
DROP INDEX conversations_to_verify;
ALTER TABLE conversations DROP COLUMN to_verify;
ALTER TABLE conversations DROP COLUMN identity_since;
DELETE FROM deliveries WHERE outbox_id IN (SELECT id FROM outbox WHERE channel = 'task');
DELETE FROM outbox WHERE channel = 'task';
ALTER TABLE outbox ADD COLUMN lane TEXT NOT NULL DEFAULT 'email'
    CHECK (lane IN ('sms', 'voice', 'email', 'webhook'));
UPDATE outbox SET lane = channel;
DROP INDEX outbox_due;
ALTER TABLE outbox DROP COLUMN channel;
ALTER TABLE outbox RENAME COLUMN lane TO channel;
CREATE INDEX outbox_due ON outbox (channel, state, next_at);
