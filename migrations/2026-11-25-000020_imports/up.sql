-- The practice's own records as it hands them in: a file, cut into chunks that are worked off one by one.

-- The last import that named a record, so that a second row of one number shows, and what a whole list leaves out.
ALTER TABLE patient_records ADD COLUMN import_id TEXT;
-- Names and number as a search compares them: folded, each word behind a space.
ALTER TABLE patient_records ADD COLUMN search TEXT NOT NULL DEFAULT '';
CREATE INDEX patient_records_list ON patient_records (practice_id, search, id);

CREATE TABLE record_imports (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    -- Who handed the file in.
    actor TEXT NOT NULL,
    format TEXT NOT NULL CHECK (format IN ('csv', 'ndjson', 'bundle')),
    mode TEXT NOT NULL CHECK (mode IN ('merge', 'replace')),
    -- How the file is read: JSON.
    options TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    -- The practice while the import is open: one at a time.
    open_key TEXT UNIQUE,
    rows_total BIGINT NOT NULL,
    rows_done BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    -- Records that a whole list left out.
    retired BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX record_imports_list ON record_imports (practice_id, id);

-- The rows as they came, until they are worked off, and what became of each.
CREATE TABLE import_chunks (
    import_id TEXT NOT NULL REFERENCES record_imports (id),
    -- From 0.
    position BIGINT NOT NULL,
    -- The number of its first row, from 1.
    first_row BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    is_done BOOLEAN NOT NULL,
    -- Emptied with its result.
    source BYTEA,
    -- Lines of the result file.
    results TEXT,
    PRIMARY KEY (import_id, position)
);
