DROP TABLE notice_turns;
DROP TABLE mailed;
DROP TABLE mail_reports;
