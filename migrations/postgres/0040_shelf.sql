-- Only the embedded database holds sources for a while (`shelf`): several platforms may share this one,
-- and sources are put into their place before the rows that name them.
SELECT 1;
