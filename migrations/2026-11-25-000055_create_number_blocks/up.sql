-- A number is blocked for as long as at least one decision blocks it: two conversations may both have blocked it, and
-- undoing one decision leaves the other's block in force.
CREATE TABLE number_blocks (
    practice_id TEXT NOT NULL REFERENCES practices (id),
    -- The number, as a keyed hash.
    phone_key TEXT NOT NULL,
    decision_id TEXT NOT NULL REFERENCES identity_decisions (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (practice_id, phone_key, decision_id)
);

INSERT INTO number_blocks (practice_id, phone_key, decision_id, created_at)
SELECT practice_id, phone_key, decision_id, created_at FROM blocked_numbers;

DROP TABLE blocked_numbers;

-- Conversations without a decision are graded again after an import, page by page.
CREATE INDEX conversations_undecided ON conversations (practice_id, to_verify, id);
