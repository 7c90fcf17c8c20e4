ALTER TABLE record_imports DROP COLUMN unread;
