ALTER TABLE record_imports DROP COLUMN left_out;
ALTER TABLE record_imports DROP COLUMN active_before;
