-- Log rows are deleted by the age of their events: without this index, each deleted event would scan the whole log.
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (event_id);
