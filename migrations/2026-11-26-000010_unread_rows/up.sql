-- Refused rows of which nobody knows whom they are about. Where a whole list has some, it leaves nobody out.
ALTER TABLE record_imports ADD COLUMN unread BIGINT NOT NULL DEFAULT 0;
