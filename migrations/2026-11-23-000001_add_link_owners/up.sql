-- Link ownership: who owns the conversations that are opened through a link, and what a pairing took over from the
-- link. An owner is `practice`, a team's id or a staff member's id: the prefix tells which.

CREATE TABLE staff (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'support')),
    state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at BIGINT NOT NULL
);
CREATE INDEX staff_practice ON staff (practice_id);

CREATE TABLE teams (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (practice_id, name)
);

CREATE TABLE team_members (
    team_id TEXT NOT NULL REFERENCES teams (id),
    staff_id TEXT NOT NULL REFERENCES staff (id),
    PRIMARY KEY (team_id, staff_id)
);

ALTER TABLE practice_links ADD COLUMN owner TEXT NOT NULL DEFAULT 'practice';
ALTER TABLE practice_links ADD COLUMN assignee_id TEXT REFERENCES staff (id);
ALTER TABLE practice_links ADD COLUMN discreet BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE practice_links ADD COLUMN forward_id TEXT REFERENCES practice_links (id);
-- A practice has one default link, which every retired link can fall back to.
CREATE UNIQUE INDEX practice_links_default ON practice_links (practice_id) WHERE is_default;
CREATE INDEX practice_links_length ON practice_links (length(code));

-- Staff who share a link's conversations in addition to its owner, and staff who are notified of new ones.
CREATE TABLE link_people (
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    staff_id TEXT NOT NULL REFERENCES staff (id),
    part TEXT NOT NULL CHECK (part IN ('member', 'notify')),
    PRIMARY KEY (link_id, staff_id, part)
);

-- If its owner differs, a second link of the practice opens a separate conversation.
ALTER TABLE pairings ADD COLUMN owner TEXT NOT NULL DEFAULT 'practice';
DROP INDEX pairings_once;
CREATE UNIQUE INDEX pairings_once ON pairings (patient_id, practice_id, owner) WHERE ended_at IS NULL;

-- Every link of the practice that a paired patient came through.
CREATE TABLE pairing_links (
    pairing_id TEXT NOT NULL REFERENCES pairings (id),
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (pairing_id, link_id)
);
INSERT INTO pairing_links (pairing_id, link_id, created_at)
    SELECT id, link_id, created_at FROM pairings WHERE link_id IS NOT NULL;

ALTER TABLE conversations ADD COLUMN owner TEXT NOT NULL DEFAULT 'practice';
ALTER TABLE conversations ADD COLUMN assignee_id TEXT REFERENCES staff (id);

-- Phone first: a number left on a landing page is stored here until it is verified.
CREATE TABLE pending_pairings (
    id TEXT NOT NULL PRIMARY KEY,
    phone_key TEXT NOT NULL,
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    UNIQUE (phone_key, link_id)
);
CREATE INDEX pending_pairings_expiry ON pending_pairings (expires_at);

-- What happened on a link. Facts are appended in their own transaction, page views in batches; rows without a batch
-- are not in the counters yet.
CREATE TABLE funnel_events (
    id TEXT NOT NULL PRIMARY KEY,
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    step TEXT NOT NULL,
    channel TEXT NOT NULL,
    count BIGINT NOT NULL,
    at BIGINT NOT NULL,
    batch TEXT
);
CREATE INDEX funnel_events_open ON funnel_events (id) WHERE batch IS NULL;
CREATE INDEX funnel_events_link ON funnel_events (link_id, at);
CREATE INDEX funnel_events_at ON funnel_events (at);

-- The sums, by day in the practice's time zone. The slot spreads instances over rows, so that none waits for another.
CREATE TABLE funnel_counts (
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    day TEXT NOT NULL,
    step TEXT NOT NULL,
    channel TEXT NOT NULL,
    slot INTEGER NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (link_id, day, step, channel, slot)
);
