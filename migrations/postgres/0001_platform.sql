-- Times are milliseconds since the Unix epoch (UTC); scores are hundredths, 0 to 10,000.

CREATE TABLE miners (
    id          TEXT COLLATE "C" PRIMARY KEY,
    -- Two ids that differ in nothing but case would share a file on some systems.
    folded      TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- What was let in, by the digest of the normalised text. The text itself is a blob.
CREATE TABLE sources (
    sha256     TEXT PRIMARY KEY CHECK (length(sha256) = 64),
    bytes      BIGINT NOT NULL CHECK (bytes >= 0),
    created_at BIGINT NOT NULL
);

CREATE TABLE submissions (
    -- The order of arrival. A clock that was set back cannot change who was earlier.
    sequence      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    miner_id       TEXT COLLATE "C" NOT NULL REFERENCES miners (id),
    upload_sha256 TEXT NOT NULL CHECK (length(upload_sha256) = 64),
    source_sha256 TEXT NOT NULL REFERENCES sources (sha256),
    policy        TEXT NOT NULL CHECK (length(policy) = 64),
    -- JSON, as the gate reported them.
    findings      TEXT NOT NULL,
    state         TEXT NOT NULL
                  CHECK (state IN ('pending', 'running', 'completed', 'failed', 'rejected', 'held')),
    reason        TEXT,
    -- How many more validators may begin to score it now.
    slots         BIGINT NOT NULL CHECK (slots >= 0),
    -- How many validators must agree on a score.
    quorum        BIGINT NOT NULL CHECK (quorum > 0),
    -- Assignments that ended by our fault. Bounded.
    faults        BIGINT NOT NULL DEFAULT 0 CHECK (faults >= 0),
    attempts      BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    score         BIGINT CHECK (score BETWEEN 0 AND 10000),
    received_at   BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    -- A score belongs to a completed submission and to no other.
    CHECK ((state = 'completed') = (score IS NOT NULL)),
    CHECK (slots = 0 OR state IN ('pending', 'running'))
);

-- The same program is submitted once, unless we failed to judge it.
CREATE UNIQUE INDEX submissions_source ON submissions (source_sha256) WHERE state <> 'failed';
CREATE INDEX submissions_miner ON submissions (miner_id, sequence);
CREATE INDEX submissions_open ON submissions (sequence) WHERE slots > 0;

CREATE TABLE assignments (
    id            TEXT PRIMARY KEY,
    submission_id TEXT NOT NULL REFERENCES submissions (id),
    validator      TEXT COLLATE "C" NOT NULL,
    attempt       BIGINT NOT NULL CHECK (attempt > 0),
    -- `superseded`: it was done, and then the submission was sent back to be scored anew.
    state         TEXT NOT NULL CHECK (state IN ('live', 'done', 'expired', 'released', 'superseded')),
    leased_at     BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    ended_at      BIGINT,
    -- Of the result as it was sent, so that sending it again is not an error.
    result_sha256 TEXT,
    -- JSON: backend, isolation and every case.
    result        TEXT,
    -- Of the verdict of every case. Validators agree when these are equal; times may differ.
    judgement     TEXT,
    score         BIGINT CHECK (score BETWEEN 0 AND 10000),
    CHECK ((state = 'live') = (ended_at IS NULL)),
    CHECK ((state IN ('done', 'superseded')) = (result IS NOT NULL)),
    CHECK ((result IS NULL) = (result_sha256 IS NULL)),
    CHECK ((result IS NULL) = (judgement IS NULL)),
    CHECK ((result IS NULL) = (score IS NULL))
);

-- A validator counts once for a submission.
CREATE UNIQUE INDEX assignments_one_each ON assignments (submission_id, validator)
    WHERE state IN ('live', 'done');
CREATE INDEX assignments_live ON assignments (expires_at) WHERE state = 'live';
CREATE INDEX assignments_submission ON assignments (submission_id);

CREATE TABLE holds (
    id            TEXT PRIMARY KEY,
    submission_id TEXT NOT NULL REFERENCES submissions (id),
    reason        TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    resolved_at   BIGINT,
    resolved_by   TEXT,
    resolution    TEXT CHECK (resolution IN ('released', 'rejected')),
    CHECK ((resolved_at IS NULL) = (resolution IS NULL))
);

CREATE UNIQUE INDEX holds_open ON holds (submission_id) WHERE resolved_at IS NULL;

CREATE TABLE audit_events (
    sequence      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            BIGINT NOT NULL,
    actor         TEXT NOT NULL,
    submission_id TEXT NOT NULL REFERENCES submissions (id),
    from_state    TEXT,
    to_state      TEXT NOT NULL,
    reason        TEXT NOT NULL
);

CREATE INDEX audit_events_submission ON audit_events (submission_id, sequence);
