-- How many conversations of a question are about each topic, and, as `*`, in how many a user said
-- something that was understood. Read of the conversations alone, whose rows come to what is understood
-- of their messages; one that has grown since still tells what it was about before. A topic counts for
-- all that it is a part of, once.
WITH
--include filtered
,
--include lineage
SELECT topic, count() AS conversations
FROM filtered
ARRAY JOIN arrayConcat(['*'], ancestry(arrayConcat(topics, suggested))) AS topic
WHERE user_messages > 0 AND (meaning > 0 OR language != '')
GROUP BY topic
