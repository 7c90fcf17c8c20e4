ALTER TABLE verifications DROP COLUMN proof_session_id;
ALTER TABLE pending_pairings DROP COLUMN proven_at;
ALTER TABLE pending_pairings DROP COLUMN taken_by;
