"""What the old conversation script did: sessions that remember, tokens that are counted, questions
asked side by side; at OpenAI, or at whatever speaks its API, such as Causerie's gateway.

    pip install 'causerie[sessions]'
    export OPENAI_API_KEY=…       # and OPENAI_BASE_URL, OPENAI_MODEL for another place or model
    python examples/conversation.py
"""

import asyncio
import logging

from causerie.sessions import (
    SessionError,
    additional_interactions,
    build_chain,
    build_conversation,
    build_model,
    build_prompt,
    get_message_history,
    run_conversation,
)
from causerie.usage import track

TURNS = ("I am Ada, and I collect bridges.", "Which one should I see in Lyon?", "What is my name?")
PROMPTS = ("Name a river.", "Name a bridge.", "Name a town with both.")


def main() -> None:
    chain = build_chain(build_prompt("You are a helpful assistant."), build_model())
    conversation = build_conversation(chain)
    with track() as used:
        for reply in run_conversation(TURNS, session_id="visit-7", conversation=conversation):
            print(reply.text)
        config = {"configurable": {"session_id": "visit-7"}}
        for piece in conversation.stream({"input": "Thank you!"}, config):
            print(piece.content, end="")
    print(f"\n{len(get_message_history('visit-7').messages)} messages, {used.total_tokens} tokens")
    asked = asyncio.run(additional_interactions(PROMPTS, chain, concurrency=2))
    for reply in asked.replies:
        print(reply.text)
    print(f"{asked.used.total_tokens} tokens, {asked.used.total_cost} USD")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    try:
        main()
    except SessionError as error:
        raise SystemExit(f"no conversation: {error}") from error
