-- A sample of what users said, the same messages each time, with their vectors: topics are found
-- in it.
SELECT
  m.tenant AS tenant, m.conversation AS conversation, m.message AS message,
  m.language AS language, m.suggested AS suggested, m.vector AS vector,
  substringUTF8(s.text, 1, {chars:UInt32}) AS text
FROM messages AS s
INNER JOIN (
  SELECT tenant, conversation, position, message, language, suggested, vector
  FROM meanings FINAL
  WHERE project = {project:String} AND model = {model:String} AND role = 'user'
  ORDER BY cityHash64(conversation, message)
  LIMIT {limit:UInt32}) AS m
ON s.tenant = m.tenant AND s.conversation = m.conversation AND s.id = m.message
WHERE s.project = {project:String} AND s.kind = 'message' AND s.role = 'user'
