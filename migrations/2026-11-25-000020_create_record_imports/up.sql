-- Imports of the practice's own records: an uploaded file, cut into chunks that are processed one by one.

-- The last import that named a record, to detect a second row with the same number, and records that are missing from
-- a full list.
ALTER TABLE patient_records ADD COLUMN import_id TEXT;
-- Names and number in the form in which a search compares them: folded, each word after a space.
ALTER TABLE patient_records ADD COLUMN search TEXT NOT NULL DEFAULT '';
CREATE INDEX patient_records_list ON patient_records (practice_id, search, id);

CREATE TABLE record_imports (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    -- Who uploaded the file.
    actor TEXT NOT NULL,
    format TEXT NOT NULL CHECK (format IN ('csv', 'ndjson', 'bundle')),
    mode TEXT NOT NULL CHECK (mode IN ('merge', 'replace')),
    -- How the file is parsed: JSON.
    options TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    -- The practice's id while the import is open: one open import at a time.
    open_key TEXT UNIQUE,
    rows_total BIGINT NOT NULL,
    rows_done BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    -- Records that became inactive because a full list does not contain them.
    retired BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX record_imports_list ON record_imports (practice_id, id);

-- The rows as uploaded, until they are processed, and the result of each.
CREATE TABLE import_chunks (
    import_id TEXT NOT NULL REFERENCES record_imports (id),
    -- From 0.
    position BIGINT NOT NULL,
    -- The number of the chunk's first row, from 1.
    first_row BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    is_done BOOLEAN NOT NULL,
    -- Set to NULL when the chunk has its result.
    source BYTEA,
    -- Lines of the result file.
    results TEXT,
    PRIMARY KEY (import_id, position)
);
