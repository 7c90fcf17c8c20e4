-- A code by e-mail also lets a restricted sign-in see what was there before. It is asked for by the sign-in, beside the
-- one that an account may be proving an address with; codes that are on their way stay good.
CREATE TABLE email_codes (
    -- The account, for an address that it wants; the sign-in, for being let in.
    asked_by TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    email TEXT NOT NULL,
    -- What the code is made of, under a key that is not in here.
    seed TEXT NOT NULL,
    tries INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

INSERT INTO email_codes (asked_by, account_id, email, seed, tries, created_at, expires_at)
SELECT account_id, account_id, email, seed, tries, created_at, expires_at FROM email_checks;

DROP TABLE email_checks;
