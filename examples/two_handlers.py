"""The same with a handler for the chain and another for the model. That is all right here: they
know of each other, and each run is logged once.

    pip install 'causerie[langchain]' langchain-openai
    export CAUSERIE_URL=https://causerie.example.com CONTEXT_API_TOKEN=… OPENAI_API_KEY=…
    python examples/two_handlers.py
"""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

from causerie.langchain import ContextCallbackHandler

prompt = ChatPromptTemplate.from_template("What is a good name for a company that makes {product}?")
chat = ChatOpenAI(model="gpt-4.1-mini", temperature=0.9, callbacks=[ContextCallbackHandler()])
chain = (prompt | chat | StrOutputParser()).with_config(callbacks=[ContextCallbackHandler()])

print(chain.invoke({"product": "colorful socks"}, config={"metadata": {"user_id": "123"}}))
