-- Digests come in no order, and each index of them costs an upload a page of the disk. One of them is enough:
-- a source knows the submission that brought it last. A failed submission stays so, and another with the same
-- source is let in only when the last one has failed, so that all but the last have failed.
ALTER TABLE sources ADD COLUMN latest INTEGER;

UPDATE sources SET latest = of_source.latest
FROM (SELECT source_sha256, MAX(sequence) AS latest FROM submissions GROUP BY source_sha256) AS of_source
WHERE sources.sha256 = of_source.source_sha256;

DROP INDEX submissions_source;

-- And what waits on the shelf is found by the number of that submission.
CREATE TABLE shelf_by_submission (
    -- The order in which they came, so that they are moved in it.
    place  INTEGER PRIMARY KEY REFERENCES submissions (sequence) DEFERRABLE INITIALLY DEFERRED,
    sha256 TEXT NOT NULL,
    text   BLOB NOT NULL
) STRICT;

INSERT INTO shelf_by_submission (place, sha256, text)
SELECT sources.latest, shelf.sha256, shelf.text FROM shelf JOIN sources ON sources.sha256 = shelf.sha256;

DROP TABLE shelf;
ALTER TABLE shelf_by_submission RENAME TO shelf;
