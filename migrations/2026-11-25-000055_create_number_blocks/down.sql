DROP INDEX conversations_undecided;

CREATE TABLE blocked_numbers (
    practice_id TEXT NOT NULL REFERENCES practices (id),
    phone_key TEXT NOT NULL,
    decision_id TEXT NOT NULL REFERENCES identity_decisions (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (practice_id, phone_key)
);

INSERT INTO blocked_numbers (practice_id, phone_key, decision_id, created_at)
SELECT practice_id, phone_key, MIN(decision_id), MIN(created_at) FROM number_blocks GROUP BY practice_id, phone_key;

DROP TABLE number_blocks;
