-- The times of a number's latest messages, newest first, in the row that counts its wrong codes: one row to lock and to
-- read for all limits of a number. '?' are the rows from before this column, whose times are in `budgets`.
ALTER TABLE check_budgets ADD COLUMN sent TEXT NOT NULL DEFAULT '?';
