-- When somebody of the practice last spoke to the person or saw them; none while that is in doubt. A sign-in on a new
-- device sees a conversation again if that was after it began.
ALTER TABLE conversations ADD COLUMN met_at BIGINT;

-- What a person is to the holder of the account.
ALTER TABLE patients ADD COLUMN relation TEXT NOT NULL DEFAULT 'self'
    CHECK (relation IN ('self', 'child', 'parent', 'partner', 'ward', 'other'));
