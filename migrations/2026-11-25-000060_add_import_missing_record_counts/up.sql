-- How many records were active when a full list was uploaded; NULL for other imports, and for those before this
-- column.
ALTER TABLE record_imports ADD COLUMN active_before BIGINT;
-- Records that a full list does not contain and that stay active nevertheless, because they are most of the records
-- that were active.
ALTER TABLE record_imports ADD COLUMN left_out BIGINT NOT NULL DEFAULT 0;
