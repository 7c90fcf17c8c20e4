ALTER TABLE patients DROP COLUMN relation;
ALTER TABLE conversations DROP COLUMN met_at;
