"""Entries of the audit log in words: what was done, and where."""

from __future__ import annotations

from causerie.audit import Action, Entry, How
from causerie.wording import Wording, say, say_in

ACTION_WORDS = {
    Action.TRANSCRIPT: say("Opened a conversation"),
    Action.USER: say("Opened a user’s page"),
    Action.LIST: say("Looked at a list"),
    Action.SEARCH: say("Searched"),
    Action.DOWNLOAD: say("Downloaded"),
    Action.SQL: say("Ran SQL"),
    Action.TOOL: say("Called a tool"),
    Action.EMBED: say("Looked at an embedded view"),
    Action.REMOVAL: say("Removed something"),
    Action.REMOVALS_SEEN: say("Looked at removals"),
    Action.PRIVACY: say("Changed privacy settings"),
    Action.MEMBERS: say("Changed members or passwords"),
    Action.KEYS: say("Changed keys"),
    Action.SIGN_IN: say("Signed in"),
    Action.FAILED_SIGN_IN: say("Failed to sign in"),
    Action.AUDIT: say("Read this log"),
}
HOW_WORDS = {
    How.PAGE: say_in("how somebody looked", "page"),
    How.API: say_in("how somebody looked", "API"),
    How.MCP: say_in("how somebody looked", "assistant"),
    How.COMMAND: say_in("how somebody looked", "command"),
}
OBJECT_WORDS = {
    "conversation": say("conversation"),
    "user": say("user"),
    "context": say("context"),
    "topic": say("topic"),
    "key": say("key"),
    "member": say("member"),
    "invitation": say("invitation"),
    "removal": say("removal"),
    "run": say_in("of a test set", "run"),
    "test set": say("test set"),
}
_DATA = "/settings/privacy/data"
# What is done at an address, where the action alone says too little; pages and API alike.
DEED_WORDS = {
    f"{_DATA}/user": say("Removed a user"),
    "/users/{user:path}": say("Removed a user"),
    f"{_DATA}/talk": say("Removed a conversation"),
    "/conversations/{id:path}": say("Removed a conversation"),
    "/contexts/{context}/delete": say("Deleted a context"),
    "/contexts/{context}/undo": say("Dropped the last turn of a context"),
    "/evaluations/remove": say("Deleted a test set"),
    "/test_sets/{set:path}": say("Deleted a test set"),
    "/evaluations/runs/{run}/remove": say("Deleted a run"),
    "/evaluations/run/{run}": say("Deleted a run"),
    f"{_DATA}/find": say("Looked for a user to remove"),
    _DATA: say("Looked at removals"),
    f"{_DATA}/{{removal}}": say("Looked at a removal"),
    "/removals": say("Looked at removals"),
    "/removals/{id}": say("Looked at a removal"),
    f"{_DATA}/retention": say("Changed how long transcripts are kept"),
    "/settings/audit/days": say("Changed how long this log is kept"),
    "/settings/privacy/rules": say("Changed masking rules"),
    "/settings/privacy/topics": say("Changed from how many users on a topic is named"),
    "/settings/understanding": say("Changed how messages are understood"),
    "/settings/keys": say("Made a key"),
    "/start/key": say("Made a key"),
    "/settings/keys/{key}/limits": say("Changed what a key may spend"),
    "/settings/keys/{key}/revoke": say("Revoked a key"),
    "/settings/members": say("Invited a member"),
    "/settings/members/withdraw": say("Withdrew an invitation"),
    "/settings/members/{member}/role": say("Changed a member’s role"),
    "/settings/members/{member}/remove": say("Removed a member"),
    "/settings/projects": say("Made a project"),
    "/settings/you/password": say("Changed their password"),
    "/settings/you/sessions": say("Signed out elsewhere"),
    "/contexts/{context}": say("Opened a context"),
}
DEEDS = frozenset(
    {
        Action.REMOVAL,
        Action.REMOVALS_SEEN,
        Action.PRIVACY,
        Action.KEYS,
        Action.MEMBERS,
        Action.TRANSCRIPT,
    }
)
"""Of these, the address tells what it was."""
PLACE_WORDS = {
    "/": say("Overview"),
    "/start": say("Getting started"),
    "/start/waiting": say("Getting started"),
    "/today": say("Today"),
    "/conversations": say("Conversations"),
    "/search": say("Search"),
    "/alike": say("Conversations alike"),
    "/users": say("Users"),
    "/users/risk": say("At risk"),
    "/users/engagement": say("Engagement"),
    "/users/retention": say("Retention"),
    "/users/{user:path}": say("User"),
    "/topics": say("Topics"),
    "/topic_suggestions": say("Topics"),
    "/suggested_topics": say("Topics"),
    "/topics/map": say("Map of topics"),
    "/topics/{topic}": say("Topic"),
    "/topics/{topic}/edit": say("Topic"),
    "/topic_suggestions/{id}/conversations": say("Topic"),
    "/topics/new": say("New topic"),
    "/topics/preview": say("New topic"),
    "/contexts": say("Contexts"),
    "/models": say("Models & cost"),
    "/exchanges": say("Calls"),
    "/reports": say("Explore"),
    "/reports/funnels": say("Funnels"),
    "/reports/funnels/conversations": say("Funnels"),
    "/settings/privacy/try": say("A try of masking rules"),
    "/settings/audit": say("Audit log"),
    "/evaluations/run/{run}": say("Results of a run"),
    "/evaluations/runs/{run}": say("Results of a run"),
    "/evaluations/compare": say("Compare two runs"),
    "/evaluations/sets/{set:path}": say("Test set"),
    "/evaluations/cases/{set:path}": say("Test set"),
    "/evaluations/new": say("Test set"),
    "/evaluations/talks": say("Cases from conversations"),
    "/export": say("Everything"),
}


def deed_of(entry: Entry) -> Wording:
    """What was done. Settings of embedding are privacy's, whatever their address."""
    told = DEED_WORDS.get(place_of(entry)) if entry.action in DEEDS else None
    return told or ACTION_WORDS[entry.action]


def where_of(entry: Entry) -> str:
    """Where, if the deed does not say so already: in words, or else the tool's name or nothing."""
    tool = str(entry.detail.get("tool", ""))
    return tool or ("" if entry.action in DEEDS else PLACE_WORDS.get(place_of(entry), ""))


def place_of(entry: Entry) -> str:
    """The address without what is the same everywhere."""
    return entry.place.removeprefix("/p/{project}").removeprefix("/api/v1") or "/"
