"""Conversations of a chain: sessions that remember, safely, where an app wants them kept."""

from causerie.sessions.conversation import Conversation
from causerie.sessions.errors import (
    InteractionsFailed,
    ModelFailed,
    NotConfigured,
    SessionBusy,
    SessionError,
    SessionLost,
    StoreUnavailable,
)
from causerie.sessions.histories import SessionHistory
from causerie.sessions.interactions import Interactions, additional_interactions
from causerie.sessions.models import (
    ModelSettings,
    build_chain,
    build_model,
    build_prompt,
    read_settings,
)
from causerie.sessions.replies import Reply
from causerie.sessions.sessions import (
    Sessions,
    arun_conversation,
    build_conversation,
    get_message_history,
    run_conversation,
)

__all__ = [
    "Conversation",
    "Interactions",
    "InteractionsFailed",
    "ModelFailed",
    "ModelSettings",
    "NotConfigured",
    "Reply",
    "SessionBusy",
    "SessionError",
    "SessionHistory",
    "SessionLost",
    "Sessions",
    "StoreUnavailable",
    "additional_interactions",
    "arun_conversation",
    "build_chain",
    "build_conversation",
    "build_model",
    "build_prompt",
    "get_message_history",
    "read_settings",
    "run_conversation",
]
