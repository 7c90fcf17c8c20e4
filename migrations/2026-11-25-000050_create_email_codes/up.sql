-- A code by e-mail also lets a restricted session see earlier conversations. The session requests it, independently
-- of the code with which the account may be verifying an address; codes that were already sent stay valid.
CREATE TABLE email_codes (
    -- The account's id, to verify an address; the session's id, to lift its restriction.
    asked_by TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    email TEXT NOT NULL,
    -- The code is derived from this, with a key that is not in the database.
    seed TEXT NOT NULL,
    tries INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

INSERT INTO email_codes (asked_by, account_id, email, seed, tries, created_at, expires_at)
SELECT account_id, account_id, email, seed, tries, created_at, expires_at FROM email_checks;

DROP TABLE email_checks;
