-- Sources that are durable with the rows that name them and not yet a file of their own. Each is moved
-- into its place soon after, and its row goes only when the file is on the disk.
CREATE TABLE shelf (
    -- The order in which they came, so that they are moved in it.
    place  INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL UNIQUE REFERENCES sources (sha256),
    text   BLOB NOT NULL
) STRICT;
