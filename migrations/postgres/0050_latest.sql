-- A source knows the submission that brought it last: the embedded database finds duplicates by it. A failed
-- submission stays so, and another with the same source is let in only when the last one has failed, so that
-- all but the last have failed. Here the index of sources stays: it decides between two that come at once.
ALTER TABLE sources ADD COLUMN latest BIGINT;

UPDATE sources SET latest = of_source.latest
FROM (SELECT source_sha256, MAX(sequence) AS latest FROM submissions GROUP BY source_sha256) AS of_source
WHERE sources.sha256 = of_source.source_sha256;
