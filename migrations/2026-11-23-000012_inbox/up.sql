-- Which of the staff wrote; a patient knows the practice alone.
ALTER TABLE entries ADD COLUMN author_id TEXT;

-- The link whose members share the conversation: where a retired link leads, while `link_id` stays what was opened.
ALTER TABLE conversations ADD COLUMN endpoint_id TEXT;
UPDATE conversations SET endpoint_id = link_id;

-- Ids sort by birth and not by commit. A number is given after the commit, batch by batch, so whoever has read
-- up to a number has missed nothing before it.
ALTER TABLE live_events ADD COLUMN seq BIGINT;
-- Within a batch: how many entries its conversation had, so that what is told of one is told in order.
ALTER TABLE live_events ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
DROP INDEX live_events_practice;
DROP INDEX live_events_account;
CREATE INDEX live_events_seq ON live_events (seq, place, id);
CREATE INDEX live_events_practice ON live_events (practice_id, seq, place, id);
CREATE INDEX live_events_account ON live_events (account_id, seq, place, id);
