-- Refused rows that do not say which patient they are about. If a full list has any, it makes no record inactive.
ALTER TABLE record_imports ADD COLUMN unread BIGINT NOT NULL DEFAULT 0;
