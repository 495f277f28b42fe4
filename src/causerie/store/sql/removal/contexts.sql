-- The contexts that calls which go were made in.
SELECT DISTINCT context FROM exchanges FINAL
WHERE context != '' AND
--include calls
