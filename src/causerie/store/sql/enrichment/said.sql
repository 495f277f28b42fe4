-- What users and assistants said in some conversations, as much of it as its meaning needs.
SELECT
  tenant, conversation, position, id, at, role,
  multiIf(
    role != 'user', substringUTF8(text, 1, {answer_chars:UInt32}),
    -- So long a text in bytes can be cut; a shorter one need not be counted.
    length(text) > {user_chars:UInt32}, substringUTF8(text, 1, {user_chars:UInt32}),
    text) AS text
FROM messages FINAL
-- Before versions are compared, which have all of this in common.
PREWHERE project = {project:String}
  AND tenant IN {tenants:Array(String)}
  AND conversation IN {ids:Array(String)}
WHERE kind = 'message'
ORDER BY tenant, conversation, position, id
