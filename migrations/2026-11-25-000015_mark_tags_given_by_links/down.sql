ALTER TABLE conversation_tags DROP COLUMN given;
