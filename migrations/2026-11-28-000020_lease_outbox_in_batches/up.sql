-- When `next_at` was set: a row that a clock set which was ahead would otherwise wait until that moment comes.
ALTER TABLE outbox ADD COLUMN scheduled_at BIGINT NOT NULL DEFAULT 0;
UPDATE outbox SET scheduled_at = created_at WHERE settled_at IS NULL;
-- Rows that are still to be sent are few among those of thirty days: the index that every claim reads holds only them.
DROP INDEX outbox_due;
UPDATE outbox SET settled_at = next_at WHERE settled_at IS NULL AND state NOT IN ('queued', 'leased');
CREATE INDEX outbox_open ON outbox (channel, next_at, id) WHERE settled_at IS NULL;
