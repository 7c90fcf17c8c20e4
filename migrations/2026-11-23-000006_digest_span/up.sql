-- A digest says between when and when its patients connected.
ALTER TABLE digests ADD COLUMN last_at BIGINT NOT NULL DEFAULT 0;
