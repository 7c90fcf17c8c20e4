-- The chain that a row belongs to: a practice's chain, or one of the chains for events without a practice. Rows from
-- before the chains have none.
ALTER TABLE audit_events ADD COLUMN chain TEXT;
DROP INDEX audit_events_chain;
CREATE UNIQUE INDEX audit_events_chain ON audit_events (chain, seq);

-- Changes with the logo: it is part of the logo's URL, so that caches never serve an older one.
ALTER TABLE practices ADD COLUMN logo_version TEXT;
