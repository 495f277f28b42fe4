-- The language that each of some users writes most.
SELECT user, argMax(language, conversations) AS language
FROM (
  SELECT user, language, count() AS conversations
  FROM conversations
  WHERE project = {project:String}
    AND user IN {users:Array(String)}
    AND language NOT IN ('', 'und')
  GROUP BY user, language)
GROUP BY user
