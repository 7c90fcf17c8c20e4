CREATE TABLE email_checks (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    email TEXT NOT NULL,
    seed TEXT NOT NULL,
    tries INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

INSERT INTO email_checks (account_id, email, seed, tries, created_at, expires_at)
SELECT account_id, email, seed, tries, created_at, expires_at FROM email_codes WHERE asked_by = account_id;

DROP TABLE email_codes;
