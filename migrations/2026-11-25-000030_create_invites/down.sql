DROP TABLE email_checks;
DROP TABLE invite_import_rows;
DROP TABLE invite_imports;
DROP TABLE invites;
