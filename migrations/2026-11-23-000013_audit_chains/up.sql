-- Which chain a row is of: a practice's, or one of those of events that no practice has. Rows from before the
-- chains have none.
ALTER TABLE audit_events ADD COLUMN chain TEXT;
DROP INDEX audit_events_chain;
CREATE UNIQUE INDEX audit_events_chain ON audit_events (chain, seq);

-- Changes with the logo: part of its address, so that caches never hold an older one.
ALTER TABLE practices ADD COLUMN logo_version TEXT;
