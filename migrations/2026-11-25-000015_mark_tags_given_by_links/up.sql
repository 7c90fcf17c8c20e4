-- A patient sees the tags that a link gave; tags that staff add by hand are visible only to the practice.
ALTER TABLE conversation_tags ADD COLUMN given BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE conversation_tags SET given = EXISTS (
    SELECT 1 FROM conversations JOIN practice_links ON practice_links.id = conversations.endpoint_id
    WHERE conversations.id = conversation_tags.conversation_id
        AND replace(practice_links.tags, '"' || conversation_tags.tag || '"', '') <> practice_links.tags
);
