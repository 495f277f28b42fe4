-- What some conversations come to.
  count() AS conversations,
  sum(messages) AS messages,
  sum(user_messages) AS user_messages,
  sum(assistant_messages) AS assistant_messages,
  uniqExactIf(cityHash64(tenant, user), user != '') AS users,
  sum(thumbs_up) AS thumbs_up,
  sum(thumbs_down) AS thumbs_down,
  sum(sentiment * scored) AS feeling,
  sumIf(scored, isNotNull(sentiment)) AS scored_messages,
  count(sentiment) AS felt,
  varSampStable(sentiment) AS spread
