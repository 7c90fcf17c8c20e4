ALTER TABLE practices DROP COLUMN logo_version;
DROP INDEX audit_events_chain;
CREATE UNIQUE INDEX audit_events_chain ON audit_events (practice_id, seq);
ALTER TABLE audit_events DROP COLUMN chain;
