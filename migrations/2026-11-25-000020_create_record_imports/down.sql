DROP TABLE import_chunks;
DROP TABLE record_imports;
DROP INDEX patient_records_list;
ALTER TABLE patient_records DROP COLUMN search;
ALTER TABLE patient_records DROP COLUMN import_id;
