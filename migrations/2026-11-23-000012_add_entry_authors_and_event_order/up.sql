-- The staff member who wrote the entry; a patient sees only the practice.
ALTER TABLE entries ADD COLUMN author_id TEXT;

-- The effective link, whose members share the conversation: where a retired link forwards to, while `link_id` stays
-- the link that was opened.
ALTER TABLE conversations ADD COLUMN endpoint_id TEXT;
UPDATE conversations SET endpoint_id = link_id;

-- Ids sort by creation and not by commit. A number is assigned after the commit, batch by batch, so a reader that has
-- read up to a number has missed nothing before it.
ALTER TABLE live_events ADD COLUMN seq BIGINT;
-- Order within a batch: how many entries the event's conversation had, so that the events of one conversation are
-- sent in order.
ALTER TABLE live_events ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
DROP INDEX live_events_practice;
DROP INDEX live_events_account;
CREATE INDEX live_events_seq ON live_events (seq, place, id);
CREATE INDEX live_events_practice ON live_events (practice_id, seq, place, id);
CREATE INDEX live_events_account ON live_events (account_id, seq, place, id);
