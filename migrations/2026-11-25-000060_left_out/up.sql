-- How many records were active when a whole list was handed in; of other imports, and of those before, nothing is known.
ALTER TABLE record_imports ADD COLUMN active_before BIGINT;
-- Records that a whole list left out and that stay active all the same, since they are most of those that were.
ALTER TABLE record_imports ADD COLUMN left_out BIGINT NOT NULL DEFAULT 0;
