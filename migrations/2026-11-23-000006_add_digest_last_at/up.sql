-- A digest states the time span in which its patients connected.
ALTER TABLE digests ADD COLUMN last_at BIGINT NOT NULL DEFAULT 0;
