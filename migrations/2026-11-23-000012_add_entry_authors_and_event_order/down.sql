DROP INDEX live_events_account;
DROP INDEX live_events_practice;
DROP INDEX live_events_seq;
CREATE INDEX live_events_practice ON live_events (practice_id, id);
CREATE INDEX live_events_account ON live_events (account_id, id);
ALTER TABLE live_events DROP COLUMN place;
ALTER TABLE live_events DROP COLUMN seq;
ALTER TABLE conversations DROP COLUMN endpoint_id;
ALTER TABLE entries DROP COLUMN author_id;
