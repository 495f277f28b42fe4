"""A chain and its model with one handler: each run is logged once, with what went into the chain
and what came out of it.

    pip install 'causerie[langchain]' langchain-openai
    export CAUSERIE_URL=https://causerie.example.com CONTEXT_API_TOKEN=… OPENAI_API_KEY=…
    python examples/shared_handler.py
"""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

from causerie.langchain import ContextCallbackHandler

prompt = ChatPromptTemplate.from_template("What is a good name for a company that makes {product}?")
handler = ContextCallbackHandler()
chat = ChatOpenAI(model="gpt-4.1-mini", temperature=0.9, callbacks=[handler])
chain = (prompt | chat | StrOutputParser()).with_config(callbacks=[handler])

print(chain.invoke({"product": "colorful socks"}, config={"metadata": {"user_id": "123"}}))
