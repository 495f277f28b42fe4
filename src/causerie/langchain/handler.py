"""ContextCallbackHandler: logs what runs through LangChain, one conversation entry for each run.

It takes the place of the handler of that name for the Context service. The outermost run that it is
attached to is the entry: what that was given and what came of it, with the tools that were called
meanwhile. It may be attached to a model, a chain, both, or by `config={"callbacks": [handler]}`;
several of them in one run log it once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from causerie.client import Client
from causerie.client.items import Item
from causerie.langchain.ledgers import all_ledgers
from causerie.langchain.parties import party_of
from causerie.langchain.runs import all_runs
from causerie.langchain.trees import Kind, Party, Step, Tree
from causerie.langchain.troubles import trouble_of
from causerie.langchain.words import Talk, items_of_messages, plain, reply_of, talk_of, text_of
from causerie.langchain.words import talk_of_messages as talk_of_chat

NO_TALK = ("prompt", "parser")
"""Types of chains that say nothing themselves."""
log = logging.getLogger("causerie.langchain")


class ContextCallbackHandler(BaseCallbackHandler):
    """Logs conversations. Never raises into a run, and never waits for the network.

    User and conversation are, in this order: `user_id` and `conversation_id`, `thread_id` or
    `session_id` of the run's metadata or of its `configurable`; the model's
    `default_headers={"user_id": …}`; what the constructor was given. With a conversation each run
    adds what is new to it; without one a run is a conversation, or goes on with the one that its
    messages begin with.
    """

    # In the thread and the task of the run, and not in one of a pool: it takes microseconds.
    run_inline = True

    def __init__(
        self,
        token: str = "",
        verbose: bool = False,
        *,
        url: str | None = None,
        user: str | None = None,
        conversation: str | None = None,
        tenant: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        steps: bool = False,
        client: Client | None = None,
        **options: Any,
    ) -> None:
        """`token` and `url` default to the environment's, as the client's do; `options` are those
        of `causerie.Client`, unless a `client` is given. With `steps` models, chains and
        retrievers inside the outermost run are told as well. `verbose` is understood and does
        nothing. Raises ValueError for a key or an address that cannot be one.
        """
        ledgers = all_ledgers()
        self.client = client or ledgers.client(token, url, options)
        """What sends; `handler.client.flush()` waits until all has been taken."""
        self._ledger = ledgers.ledger(self.client, tenant)
        self._runs = all_runs()
        self._steps = steps
        self._party = Party(user or "", conversation or "", dict(metadata or {}))

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was logged has been taken by the server or refused, at most
        `timeout` seconds. Returns whether it has.
        """
        return self.client.flush(timeout)

    # ---- beginnings ------------------------------------------------------------------------------

    def on_chain_start(self, serialized: Any, inputs: Any, **run: Any) -> None:
        """A chain, a graph, an agent, or a part of one."""
        self._begin(Kind.CHAIN, serialized, run, inputs, lambda: talk_of(inputs))

    def on_chat_model_start(
        self, serialized: Any, messages: Sequence[Sequence[Any]], **run: Any
    ) -> None:
        """A chat model."""
        given = messages[0] if messages else ()
        self._begin(Kind.MODEL, serialized, run, given, lambda: talk_of_chat(given))

    def on_llm_start(self, serialized: Any, prompts: Sequence[str], **run: Any) -> None:
        """A model that continues a text."""
        given = prompts[0] if prompts else ""
        self._begin(Kind.MODEL, serialized, run, given, lambda: talk_of(given))

    def on_tool_start(self, serialized: Any, input_str: str, **run: Any) -> None:
        """A tool."""
        given = plain(run.get("inputs") or input_str)
        self._begin(Kind.TOOL, serialized, run, given, Talk)

    def on_retriever_start(self, serialized: Any, query: str, **run: Any) -> None:
        """A retriever."""
        self._begin(Kind.RETRIEVER, serialized, run, query, Talk)

    def _begin(
        self,
        kind: Kind,
        serialized: Any,
        run: Mapping[str, Any],
        given: Any,
        talk: Callable[[], Talk],
    ) -> None:
        id: UUID = run["run_id"]
        try:
            self._runs.start(id, run.get("parent_run_id"), run.get("name"))
            with self._runs.lock:
                line = self._runs.line(id)
                tree = self._runs.tree(line[-1], self._ledger)
                outermost = not any(parent in tree.steps for parent in line[1:])
                tree.party.learn(party_of(kind, serialized, run, asks=outermost))
                if kind is Kind.TOOL or self._steps or outermost:
                    said = talk() if outermost else Talk()
                    self._add(tree, id, kind, serialized, run, outermost, given, said)
        except Exception:
            log.exception("the beginning of a run could not be noted")

    def _add(
        self,
        tree: Tree,
        id: UUID,
        kind: Kind,
        serialized: Any,
        run: Mapping[str, Any],
        outermost: bool,
        given: Any,
        talk: Talk,
    ) -> None:
        if run.get("run_type") in NO_TALK:
            return
        name = run.get("name") or (serialized or {}).get("name") or kind.value
        branches = self._runs.branches(id)
        tree.add(id, Step(kind, str(name), tree.tick(), outermost, branches, given, talk))

    # ---- ends ------------------------------------------------------------------------------------

    def on_chain_end(self, outputs: Any, **run: Any) -> None:
        """What came of a chain."""
        self._end(run, lambda step: reply_of(outputs, step.given))

    def on_llm_end(self, response: Any, **run: Any) -> None:
        """What a model said."""
        self._end(run, lambda step: _generated(response))

    def on_tool_end(self, output: Any, **run: Any) -> None:
        """What a tool gave back."""
        self._end(run, lambda step: [{"role": "assistant", "message": text_of(output)}])

    def on_retriever_end(self, documents: Sequence[Any], **run: Any) -> None:
        """What was found."""
        self.on_tool_end("\n\n".join(map(text_of, documents)), **run)

    def _end(self, run: Mapping[str, Any], said: Callable[[Step], list[Item]]) -> None:
        try:
            with self._runs.lock:
                tree = self._runs.find(run["run_id"], self._ledger)
                step = tree.steps.get(run["run_id"]) if tree else None
                if tree is None or step is None or step.ended is not None:
                    return
                if step.outermost and run.get("inputs") is not None:
                    # A stream knows only at its end what it was given.
                    step.talk = talk_of(run["inputs"])
                tree.end(run["run_id"], said(step))
                if step.outermost:
                    tree.party.learn(self._party)
        except Exception:
            log.exception("the end of a run could not be noted")

    # ---- errors ----------------------------------------------------------------------------------

    def on_chain_error(self, error: BaseException, **run: Any) -> None:
        """A chain did not come to its end."""
        self._fail(error, run, list)

    def on_llm_error(self, error: BaseException, **run: Any) -> None:
        """A model failed, perhaps after it had said something."""
        self._fail(error, run, lambda: _generated(run.get("response")))

    def on_tool_error(self, error: BaseException, **run: Any) -> None:
        """A tool failed."""
        self._fail(error, run, list)

    def on_retriever_error(self, error: BaseException, **run: Any) -> None:
        """A retriever failed."""
        self._fail(error, run, list)

    def _fail(
        self, error: BaseException, run: Mapping[str, Any], said: Callable[[], list[Item]]
    ) -> None:
        try:
            with self._runs.lock:
                tree = self._runs.find(run["run_id"], self._ledger)
                trouble = trouble_of(error)
                if tree is not None and trouble is not None:
                    tree.fail(error, *trouble)
        except Exception:
            log.exception("the error of a run could not be noted")
        self._end(run, lambda step: said())


def _generated(response: Any) -> list[Item]:
    """The first choice of what a model said."""
    generations = getattr(response, "generations", None)
    if not generations or not generations[0]:
        return []
    generation = generations[0][0]
    message = getattr(generation, "message", None)
    if message is not None:
        return items_of_messages([message])
    return [{"role": "assistant", "message": generation.text}] if generation.text else []
