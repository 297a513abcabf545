-- Bundles that wait to be checked against invariants, and what came of them. No ranking knows of these.
CREATE TABLE validations (
    id          TEXT PRIMARY KEY,
    -- Of the platform that took it: of several on one database, the others leave it alone.
    platform    TEXT NOT NULL,
    task_id     TEXT,
    -- What was asked for, until it has ended: the id of a task or the text of invariants, and the archive.
    task        TEXT,
    bundle      BYTEA,
    status      TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    -- How often the end of the platform cut it off.
    interrupted BIGINT NOT NULL DEFAULT 0 CHECK (interrupted >= 0),
    created_at  BIGINT NOT NULL,
    ended_at    BIGINT,
    -- JSON.
    result      TEXT,
    log         TEXT NOT NULL DEFAULT '',
    CHECK ((ended_at IS NULL) = (status IN ('queued', 'running'))),
    CHECK ((ended_at IS NULL) = (task IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (bundle IS NOT NULL)),
    CHECK ((status = 'done') = (result IS NOT NULL))
);

CREATE INDEX validations_ended ON validations (ended_at);
CREATE INDEX validations_open ON validations (platform, created_at) WHERE ended_at IS NULL;
