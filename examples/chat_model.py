"""A chat model whose conversations are logged.

pip install 'causerie[langchain]' langchain-openai
export CAUSERIE_URL=https://causerie.example.com CONTEXT_API_TOKEN=… OPENAI_API_KEY=…
python examples/chat_model.py
"""

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

from causerie.langchain import ContextCallbackHandler

chat = ChatOpenAI(
    model="gpt-4.1-mini",
    temperature=0,
    default_headers={"user_id": "123"},
    callbacks=[ContextCallbackHandler()],
)

messages = [
    SystemMessage("You are a helpful assistant that translates English to French."),
    HumanMessage("I love programming."),
]
print(chat.invoke(messages).content)
