"""What each address shows or changes that is personal: every route of the server is here."""

from __future__ import annotations

from dataclasses import dataclass

from causerie.audit import Action


@dataclass(frozen=True)
class Rule:
    """What a request to a route is recorded as. Without an action only what it gives to be taken
    away is.
    """

    action: Action | None = None
    kind: str = ""
    """Of the object."""
    part: str = ""
    """Of the path, or the field of the query, that has its id."""
    only: str = ""
    """What a handler has to note; without it nothing was looked at."""


NOTHING = Rule()
TOLD = Rule(Action.LIST)
PRIVACY = Rule(Action.PRIVACY)
MEMBERS = Rule(Action.MEMBERS)
REMOVALS = Rule(Action.REMOVALS_SEEN)
EMBEDDED = Rule(Action.EMBED)
"""Whoever admits a token notes its project, and `by` an `embed`."""
API, HOME, SETTINGS = "/api/v1", "/p/{project}", "/p/{project}/settings"
EVALUATIONS = f"{HOME}/evaluations"
DATA, TOPIC = f"{SETTINGS}/privacy/data", f"{HOME}/topics/{{topic}}"
OWN_CALLS = ("/v1/", "/api/v3/", "/context", f"{API}/log/", f"{API}/endpoints")
"""An app with a key of its own sends, and is answered from, what it said itself: the calls are kept
as exchanges, and nobody looks.
"""
PLAIN = ("/health", "/static/", "/favicon.ico", "/language", "/signout")

RULES = {
    # ---- by key --------------------------------------------------------------------------------
    f"GET {API}/conversations": TOLD,
    f"GET {API}/conversations/{{id:path}}": Rule(Action.TRANSCRIPT, "conversation", "id"),
    f"GET {API}/conversations/series": NOTHING,
    f"GET {API}/conversations/series/sentiment": NOTHING,
    f"GET {API}/conversations/series/rating": NOTHING,
    f"GET {API}/conversations/series/volume": NOTHING,
    f"GET {API}/topic_suggestions": TOLD,
    f"GET {API}/suggested_topics": TOLD,
    f"GET {API}/topic_suggestions/{{id}}/conversations": Rule(Action.LIST, "topic", "id"),
    f"GET {API}/topic_suggestions/{{id}}/statistics": NOTHING,
    f"GET {API}/export": Rule(Action.DOWNLOAD),
    f"GET {API}/exchanges": TOLD,
    f"GET {API}/metrics": NOTHING,
    f"GET {API}/metrics/{{name}}": NOTHING,
    f"GET {API}/test_sets": NOTHING,
    f"POST {API}/test_sets": NOTHING,
    f"DELETE {API}/test_sets/{{set:path}}": Rule(Action.REMOVAL, "test set", "set"),
    f"GET {API}/evaluations/run": NOTHING,
    f"POST {API}/evaluations/run": NOTHING,
    f"GET {API}/evaluations/run/{{run}}": Rule(Action.LIST, "run", "run", only="hits"),
    f"DELETE {API}/evaluations/run/{{run}}": Rule(Action.REMOVAL, "run", "run"),
    f"GET {API}/evaluations/online": NOTHING,
    f"POST {API}/evaluations/online": NOTHING,
    f"GET {API}/evaluations/online/{{evaluator:path}}": NOTHING,
    f"PATCH {API}/evaluations/online/{{evaluator:path}}": NOTHING,
    f"DELETE {API}/evaluations/online/{{evaluator:path}}": NOTHING,
    f"GET {API}/audit": Rule(Action.AUDIT),
    f"GET {API}/removals": REMOVALS,
    f"GET {API}/removals/{{id}}": Rule(Action.REMOVALS_SEEN, "removal", "id"),
    f"DELETE {API}/users/{{user:path}}": Rule(Action.REMOVAL, "user", "user"),
    f"DELETE {API}/conversations/{{id:path}}": Rule(Action.REMOVAL, "conversation", "id"),
    f"POST {API}/sql": Rule(Action.SQL, only="sql"),
    "POST /mcp": Rule(Action.TOOL, only="tool"),
    # ---- who comes in --------------------------------------------------------------------------
    "GET /": NOTHING,
    "GET /signin": NOTHING,
    "POST /signin": Rule(Action.SIGN_IN),
    "GET /signin/link/{token}": NOTHING,
    "POST /signin/link/{token}": Rule(Action.SIGN_IN),
    # ---- what is said --------------------------------------------------------------------------
    f"GET {HOME}": TOLD,
    f"GET {HOME}/start": Rule(Action.LIST, only="hits"),
    f"GET {HOME}/start/waiting": Rule(Action.LIST, only="hits"),
    f"GET {HOME}/conversations": TOLD,
    f"GET {HOME}/conversations/{{id:path}}": Rule(Action.TRANSCRIPT, "conversation", "id"),
    f"GET {HOME}/search": Rule(Action.SEARCH),
    f"GET {HOME}/alike": Rule(Action.LIST, "conversation", "like"),
    f"GET {HOME}/users": TOLD,
    f"GET {HOME}/users/risk": TOLD,
    f"GET {HOME}/users/{{user:path}}": Rule(Action.USER, "user", "user"),
    f"GET {HOME}/reports/funnels/conversations": TOLD,
    f"GET {HOME}/topics": TOLD,
    f"GET {TOPIC}": Rule(Action.LIST, "topic", "topic"),
    f"POST {HOME}/topics/preview": TOLD,
    f"GET {HOME}/topics/new": TOLD,
    f"GET {TOPIC}/edit": Rule(Action.LIST, "topic", "topic"),
    f"GET {HOME}/contexts": TOLD,
    f"GET {HOME}/contexts/{{context}}": Rule(Action.TRANSCRIPT, "context", "context"),
    f"POST {HOME}/contexts/{{context}}/delete": Rule(Action.REMOVAL, "context", "context"),
    f"POST {HOME}/contexts/{{context}}/undo": Rule(Action.REMOVAL, "context", "context"),
    f"GET {EVALUATIONS}/cases/{{set:path}}": Rule(Action.LIST, "test set", "set", only="hits"),
    f"GET {EVALUATIONS}/new": Rule(Action.LIST, only="hits"),
    f"GET {EVALUATIONS}/sets/{{set:path}}": Rule(Action.LIST, "test set", "set", only="hits"),
    f"GET {EVALUATIONS}/talks": TOLD,
    f"POST {EVALUATIONS}/talks": TOLD,
    f"GET {EVALUATIONS}/runs/{{run}}": Rule(Action.LIST, "run", "run", only="hits"),
    f"POST {EVALUATIONS}/remove": Rule(Action.REMOVAL, "test set"),
    f"POST {EVALUATIONS}/runs/{{run}}/remove": Rule(Action.REMOVAL, "run", "run"),
    f"GET {EVALUATIONS}/compare": Rule(Action.LIST, "run", "now", only="hits"),
    f"GET {HOME}/reports/sql": Rule(Action.SQL, only="sql"),
    f"POST {HOME}/reports/sql": Rule(Action.SQL, only="sql"),
    # ---- who may, and what is kept -------------------------------------------------------------
    f"GET {SETTINGS}/audit": Rule(Action.AUDIT),
    f"POST {SETTINGS}/audit/days": PRIVACY,
    f"POST {SETTINGS}/privacy": PRIVACY,
    f"POST {SETTINGS}/privacy/rules": PRIVACY,
    f"POST {SETTINGS}/privacy/topics": PRIVACY,
    f"POST {SETTINGS}/privacy/try": TOLD,
    f"POST {SETTINGS}/understanding": PRIVACY,
    f"GET {DATA}": REMOVALS,
    f"GET {DATA}/{{removal}}": Rule(Action.REMOVALS_SEEN, "removal", "removal"),
    f"POST {DATA}/retention": PRIVACY,
    f"POST {DATA}/count": NOTHING,
    f"POST {DATA}/user": Rule(Action.REMOVAL, "user", "user_id"),
    f"POST {DATA}/talk": Rule(Action.REMOVAL, "conversation", "conversation"),
    f"POST {DATA}/find": Rule(Action.REMOVALS_SEEN, "user", "user_id"),
    f"POST {SETTINGS}/keys": Rule(Action.KEYS),
    f"POST {HOME}/start/key": Rule(Action.KEYS),
    f"POST {SETTINGS}/keys/{{key}}/limits": Rule(Action.KEYS, "key", "key"),
    f"POST {SETTINGS}/keys/{{key}}/revoke": Rule(Action.KEYS, "key", "key"),
    f"POST {SETTINGS}/members": MEMBERS,
    f"POST {SETTINGS}/members/withdraw": MEMBERS,
    f"POST {SETTINGS}/members/{{member}}/role": Rule(Action.MEMBERS, "member", "member"),
    f"POST {SETTINGS}/members/{{member}}/remove": Rule(Action.MEMBERS, "member", "member"),
    f"POST {SETTINGS}/projects": MEMBERS,
    f"POST {SETTINGS}/you/password": Rule(Action.MEMBERS),
    f"POST {SETTINGS}/you/sessions": Rule(Action.MEMBERS),
}
NUMBERS = f"""
GET {HOME}/today
GET {HOME}/models
GET {HOME}/reports
GET {HOME}/reports/alerts
GET {HOME}/reports/alerts/new
GET {HOME}/reports/alerts/{{alert}}
GET {EVALUATIONS}
GET {EVALUATIONS}/evaluators
GET {EVALUATIONS}/evaluators/new
GET {EVALUATIONS}/evaluators/{{evaluator}}
GET {EVALUATIONS}/online
GET {EVALUATIONS}/runs
GET {EVALUATIONS}/runs/{{run}}/progress
GET {HOME}/reports/funnels
GET {HOME}/topics/map
GET {HOME}/topics/progress
GET {HOME}/users/engagement
GET {HOME}/users/retention
GET {HOME}/views
GET {HOME}/views/{{view}}
GET {HOME}/endpoints
GET {HOME}/endpoints/new
GET {HOME}/endpoints/{{endpoint}}
GET {HOME}/endpoints/{{endpoint}}/edit
GET {SETTINGS}
GET {SETTINGS}/keys
GET {SETTINGS}/members
GET {SETTINGS}/notices
GET {SETTINGS}/privacy
GET {SETTINGS}/understanding
GET {SETTINGS}/you
POST {HOME}/endpoints
POST {HOME}/endpoints/{{endpoint}}
POST {HOME}/endpoints/{{endpoint}}/remove
POST {EVALUATIONS}/cases/{{set:path}}
POST {EVALUATIONS}/drop
POST {EVALUATIONS}/evaluators
POST {EVALUATIONS}/evaluators/{{evaluator}}
POST {EVALUATIONS}/evaluators/{{evaluator}}/remove
POST {EVALUATIONS}/new
POST {EVALUATIONS}/online
POST {EVALUATIONS}/online/change
POST {EVALUATIONS}/online/remove
POST {EVALUATIONS}/runs
POST {HOME}/notes
POST {HOME}/notes/{{note}}/remove
POST {HOME}/reports/alerts
POST {HOME}/reports/alerts/{{alert}}/acknowledge
POST {HOME}/reports/alerts/{{alert}}/mute
POST {HOME}/reports/alerts/{{alert}}/remove
POST {HOME}/reports/alerts/{{alert}}/snooze
POST {HOME}/topics
POST {HOME}/topics/find
POST {TOPIC}
POST {TOPIC}/delete
POST {TOPIC}/hide
POST {TOPIC}/keep
POST {TOPIC}/merge
POST {TOPIC}/pin
POST {TOPIC}/rename
POST {HOME}/views
POST {HOME}/views/{{view}}/remove
POST {HOME}/views/{{view}}/rename
POST {SETTINGS}/name
POST {SETTINGS}/notices
POST {SETTINGS}/notices/mail
POST {SETTINGS}/notices/{{place}}
POST {SETTINGS}/notices/{{place}}/remove
POST {SETTINGS}/notices/{{place}}/test
POST {SETTINGS}/understanding/find
POST {SETTINGS}/you/language
POST {SETTINGS}/zone
"""
"""Show numbers and settings, or change what is nobody's own."""
RULES |= dict.fromkeys(NUMBERS.split("\n")[1:-1], NOTHING)


def rule_of(method: str, path: str) -> Rule | None:
    """What is recorded of a route; None where nobody has said."""
    if path.startswith((*OWN_CALLS, *PLAIN)):
        return NOTHING
    if path.startswith("/embed/"):
        return EMBEDDED
    if path.startswith(f"{SETTINGS}/embedding"):
        return PRIVACY if method == "POST" else NOTHING
    return RULES.get(f"{method} {path}")
