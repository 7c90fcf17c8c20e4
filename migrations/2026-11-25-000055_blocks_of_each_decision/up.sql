-- A number is blocked for as long as one decision says so: two conversations may both have blocked it, and taking the
-- one decision back leaves the other's block.
CREATE TABLE number_blocks (
    practice_id TEXT NOT NULL REFERENCES practices (id),
    -- The number, blindly.
    phone_key TEXT NOT NULL,
    decision_id TEXT NOT NULL REFERENCES identity_decisions (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (practice_id, phone_key, decision_id)
);

INSERT INTO number_blocks (practice_id, phone_key, decision_id, created_at)
SELECT practice_id, phone_key, decision_id, created_at FROM blocked_numbers;

DROP TABLE blocked_numbers;

-- Who is undecided is graded again after an import, page by page.
CREATE INDEX conversations_undecided ON conversations (practice_id, to_verify, id);
