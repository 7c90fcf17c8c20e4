-- A further language is a row in the code and a folder of translations, not a migration: the columns lose
-- their CHECK. SQLite can drop a CHECK only together with its column, so each column is made anew. The
-- default is for the rows that are there: SQLite adds no NOT NULL column without one. The code always names the language.
ALTER TABLE practices ADD COLUMN tag TEXT NOT NULL DEFAULT 'en';
UPDATE practices SET tag = language;
ALTER TABLE practices DROP COLUMN language;
ALTER TABLE practices RENAME COLUMN tag TO language;
ALTER TABLE verifications ADD COLUMN tag TEXT NOT NULL DEFAULT 'en';
UPDATE verifications SET tag = language;
ALTER TABLE verifications DROP COLUMN language;
ALTER TABLE verifications RENAME COLUMN tag TO language;
ALTER TABLE invites ADD COLUMN tag TEXT NOT NULL DEFAULT 'en';
UPDATE invites SET tag = language;
ALTER TABLE invites DROP COLUMN language;
ALTER TABLE invites RENAME COLUMN tag TO language;
