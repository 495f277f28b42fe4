-- The mean of what the user of a conversation said, as a vector, and the model that made it.
SELECT model, avgForEach(reinterpret(vector, 'Array(Int8)')) AS middle, count() AS messages
FROM meanings FINAL
WHERE project = {project:String}
  AND tenant = {of_tenant:String}
  AND conversation = {of:String}
  AND role = 'user'
  AND vector != ''
GROUP BY model, length(vector)
ORDER BY messages DESC
LIMIT 1
