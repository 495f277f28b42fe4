-- Also calls of which no words were kept.
INSERT INTO exchanges (project, at, id, version, deleted)
SELECT project, at, id, {version:UInt64}, 1
FROM exchanges FINAL
WHERE
--include calls
