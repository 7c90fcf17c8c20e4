-- A pending pairing is marked and not deleted when it is claimed, so that a repeated request after a lost response
-- finds it. No foreign key: it is claimed in the transaction that creates the account, before the account row exists.
ALTER TABLE pending_pairings ADD COLUMN taken_by TEXT;
-- When its number was verified: this counts once in the link's funnel.
ALTER TABLE pending_pairings ADD COLUMN proven_at BIGINT;
-- The session that a proof opened: a repeated request gets fresh tokens of that session, and none once it has ended.
ALTER TABLE verifications ADD COLUMN proof_session_id TEXT;
