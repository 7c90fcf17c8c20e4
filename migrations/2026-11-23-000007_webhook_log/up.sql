-- The log goes by its events' age: without this, each event that goes would read the whole log.
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (event_id);
