ALTER TABLE digests DROP COLUMN last_at;
