-- What validators found, row by row: a run has a score for each of its tasks, a task its cases.

-- Sets of submissions that are judged again beside their live scores.
CREATE TABLE rejudges (
    id          TEXT PRIMARY KEY,
    -- What was asked for. NULL restricts nothing.
    task        TEXT,
    policy      TEXT CHECK (length(policy) = 64),
    since       INTEGER,
    until       INTEGER,
    state       TEXT NOT NULL CHECK (state IN ('open', 'applied', 'dropped')),
    reason      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    resolved_at INTEGER,
    resolved_by TEXT,
    resolution  TEXT,
    CHECK ((state = 'open') = (resolved_at IS NULL)),
    CHECK ((resolved_at IS NULL) = (resolved_by IS NULL)),
    CHECK ((resolved_at IS NULL) = (resolution IS NULL))
) STRICT;

CREATE TABLE runs (
    -- The order in which results came in.
    sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The id of the assignment that it ended.
    id            TEXT NOT NULL UNIQUE,
    submission_id TEXT NOT NULL REFERENCES submissions (id),
    -- The set for which it was made. NULL is a run for the live score.
    rejudge_id    TEXT REFERENCES rejudges (id),
    validator     TEXT NOT NULL,
    attempt       INTEGER NOT NULL CHECK (attempt > 0),
    -- Of the policy under which the gate had let the submission in.
    policy        TEXT NOT NULL CHECK (length(policy) = 64),
    backend       TEXT NOT NULL,
    isolation     TEXT NOT NULL,
    -- Of the verdict of every case. Validators agree when these are equal.
    judgement     TEXT NOT NULL,
    -- The mean of the tasks of this run.
    score         INTEGER NOT NULL CHECK (score BETWEEN 0 AND 10000),
    -- Where that score would lie if it was measured again. NULL where no case was run twice.
    low           INTEGER,
    high          INTEGER,
    ended_at      INTEGER NOT NULL,
    CHECK ((low IS NULL) = (high IS NULL)),
    CHECK (low <= score AND score <= high)
) STRICT;

CREATE INDEX runs_submission ON runs (submission_id, sequence);
CREATE INDEX runs_rejudge ON runs (rejudge_id) WHERE rejudge_id IS NOT NULL;

CREATE TABLE scores (
    run_id        TEXT NOT NULL REFERENCES runs (id),
    task          TEXT NOT NULL,
    -- Of the task's package as it was judged. NULL for what was stored before this was kept.
    task_digest   TEXT CHECK (length(task_digest) = 64),
    submission_id TEXT NOT NULL REFERENCES submissions (id),
    score         INTEGER NOT NULL CHECK (score BETWEEN 0 AND 10000),
    -- Of its public and of its hidden cases by themselves, where it has both.
    score_public  INTEGER CHECK (score_public BETWEEN 0 AND 10000),
    score_hidden  INTEGER CHECK (score_hidden BETWEEN 0 AND 10000),
    -- `live` counts now, `proposed` belongs to an open rejudge set, the others are history.
    standing      TEXT NOT NULL CHECK (standing IN ('live', 'proposed', 'superseded', 'dropped')),
    PRIMARY KEY (run_id, task)
) STRICT, WITHOUT ROWID;

CREATE INDEX scores_history ON scores (submission_id, task);

CREATE TABLE cases (
    run_id     TEXT NOT NULL,
    task       TEXT NOT NULL,
    -- From 0, in the order of the task.
    position   INTEGER NOT NULL CHECK (position >= 0),
    name       TEXT NOT NULL,
    verdict    TEXT NOT NULL,
    wall_ms    INTEGER NOT NULL CHECK (wall_ms >= 0),
    cpu_ms     INTEGER NOT NULL CHECK (cpu_ms >= 0),
    memory_kib INTEGER NOT NULL CHECK (memory_kib >= 0),
    -- JSON: what was said of it and what differed first. NULL when there is neither.
    detail     TEXT,
    PRIMARY KEY (run_id, task, position),
    FOREIGN KEY (run_id, task) REFERENCES scores (run_id, task)
) STRICT, WITHOUT ROWID;

-- One for each validator that is to judge a submission again.
CREATE TABLE rejudge_places (
    rejudge_id    TEXT NOT NULL REFERENCES rejudges (id),
    submission_id TEXT NOT NULL REFERENCES submissions (id),
    place         INTEGER NOT NULL CHECK (place > 0),
    -- `failed`: by our fault, too often. `closed`: the set was applied or dropped before.
    state         TEXT NOT NULL CHECK (state IN ('free', 'live', 'done', 'failed', 'closed')),
    attempts      INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    faults        INTEGER NOT NULL DEFAULT 0 CHECK (faults >= 0),
    -- Why it last went back.
    fault         TEXT,
    -- Of whom it is lent to now, or was at last.
    assignment_id TEXT UNIQUE,
    validator     TEXT,
    expires_at    INTEGER,
    -- Of the result as it was sent.
    result_sha256 TEXT,
    run_id        TEXT REFERENCES runs (id),
    PRIMARY KEY (rejudge_id, submission_id, place),
    CHECK ((state = 'done') = (run_id IS NOT NULL)),
    CHECK ((run_id IS NULL) = (result_sha256 IS NULL)),
    CHECK (state <> 'live' OR (assignment_id IS NOT NULL AND validator IS NOT NULL AND expires_at IS NOT NULL))
) STRICT;

-- A validator counts once for a submission.
CREATE UNIQUE INDEX rejudge_places_one_each ON rejudge_places (rejudge_id, submission_id, validator)
    WHERE state IN ('live', 'done');
CREATE INDEX rejudge_places_free ON rejudge_places (rejudge_id) WHERE state = 'free';
CREATE INDEX rejudge_places_live ON rejudge_places (expires_at) WHERE state = 'live';

-- What an applied set changed.
CREATE TABLE rejudge_changes (
    rejudge_id    TEXT NOT NULL REFERENCES rejudges (id),
    submission_id TEXT NOT NULL REFERENCES submissions (id),
    score_before  INTEGER NOT NULL CHECK (score_before BETWEEN 0 AND 10000),
    score_after   INTEGER NOT NULL CHECK (score_after BETWEEN 0 AND 10000),
    PRIMARY KEY (rejudge_id, submission_id)
) STRICT, WITHOUT ROWID;

-- Acts by which the gate's answers were changed to those of another policy.
CREATE TABLE rechecks (
    id         TEXT PRIMARY KEY,
    policy     TEXT NOT NULL CHECK (length(policy) = 64),
    applied_at INTEGER NOT NULL,
    applied_by TEXT NOT NULL,
    reason     TEXT NOT NULL,
    held       INTEGER NOT NULL CHECK (held >= 0),
    rejected   INTEGER NOT NULL CHECK (rejected >= 0)
) STRICT;

-- Until now a result was one JSON text in `assignments.result`. It becomes rows; what is left there
-- says only that there was a result.
INSERT INTO runs (id, submission_id, validator, attempt, policy, backend, isolation, judgement, score, ended_at)
SELECT a.id, a.submission_id, a.validator, a.attempt, s.policy,
       coalesce(json_extract(a.result, '$.backend'), 'unknown'),
       coalesce(json_extract(a.result, '$.isolation'), 'reduced'), a.judgement, a.score, a.ended_at
FROM assignments a JOIN submissions s ON s.id = a.submission_id
WHERE a.state IN ('done', 'superseded') ORDER BY a.ended_at, a.id;

INSERT INTO scores (run_id, task, submission_id, score, standing)
SELECT a.id, json_extract(t.value, '$.task'), a.submission_id,
       CAST(round(json_extract(t.value, '$.score') * 100) AS INTEGER),
       CASE a.state WHEN 'done' THEN 'live' ELSE 'superseded' END
FROM assignments a, json_each(a.result, '$.tasks') t
WHERE a.state IN ('done', 'superseded');

INSERT INTO cases (run_id, task, position, name, verdict, wall_ms, cpu_ms, memory_kib, detail)
SELECT a.id, json_extract(t.value, '$.task'), c.key, json_extract(c.value, '$.name'),
       json_extract(c.value, '$.verdict'), json_extract(c.value, '$.usage.wall_ms'),
       json_extract(c.value, '$.usage.cpu_ms'), json_extract(c.value, '$.usage.memory_kib'),
       json_object('message', json(c.value -> '$.message'), 'diff', json(c.value -> '$.diff'))
FROM assignments a, json_each(a.result, '$.tasks') t, json_each(t.value, '$.cases') c
WHERE a.state IN ('done', 'superseded');

UPDATE assignments SET result = '{}' WHERE result IS NOT NULL;
