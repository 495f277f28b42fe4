"""What an app on LangChain imports: a callback handler that logs its conversations."""

from causerie.langchain.handler import ContextCallbackHandler

__all__ = ["ContextCallbackHandler"]
