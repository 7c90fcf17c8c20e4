-- A pairing that waited is marked and not deleted when it is taken, so that the same call after a lost reply
-- finds it. No foreign key: it is taken in the transaction that makes the account, before the account is there.
ALTER TABLE pending_pairings ADD COLUMN taken_by TEXT;
-- When its number was proven: that counts once in the link's funnel.
ALTER TABLE pending_pairings ADD COLUMN proven_at BIGINT;
-- The sign-in that a proof opened: the same call again gets fresh tokens of that one, and none once it has ended.
ALTER TABLE verifications ADD COLUMN proof_session_id TEXT;
