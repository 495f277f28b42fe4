-- How many conversations of a question have each signal, the most frequent first.
WITH
--include filtered
SELECT signal AS name, count() AS conversations
FROM filtered
ARRAY JOIN signals AS signal
GROUP BY name
ORDER BY conversations DESC, name
