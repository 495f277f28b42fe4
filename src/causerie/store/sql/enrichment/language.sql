-- At most one row: the language of most of a project's conversations.
SELECT language, count() AS conversations
FROM conversations
WHERE project = {project:String} AND language NOT IN ('', 'und')
GROUP BY language
ORDER BY conversations DESC, language
LIMIT 1
