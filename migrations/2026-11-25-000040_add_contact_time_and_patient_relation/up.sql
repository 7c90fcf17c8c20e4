-- When the practice's staff last spoke to the person or saw them; NULL while that is in doubt. A session on a new
-- device sees an existing conversation again if this time is after the start of the session.
ALTER TABLE conversations ADD COLUMN met_at BIGINT;

-- The patient's relation to the account holder.
ALTER TABLE patients ADD COLUMN relation TEXT NOT NULL DEFAULT 'self'
    CHECK (relation IN ('self', 'child', 'parent', 'partner', 'ward', 'other'));
