-- Miners who may not take part: who decided it, when and why, and who ended it. Rows stay, as the audit.
CREATE TABLE bans (
    id          TEXT PRIMARY KEY,
    miner_id    TEXT NOT NULL,
    -- As in `miners`: nobody escapes by another case.
    folded      TEXT NOT NULL,
    reason      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    lifted_at   INTEGER,
    lifted_by   TEXT,
    lift_reason TEXT,
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
    CHECK ((lifted_at IS NULL) = (lift_reason IS NULL))
) STRICT;

CREATE UNIQUE INDEX bans_open ON bans (folded) WHERE lifted_at IS NULL;
