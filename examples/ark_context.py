"""Ark's own client against Causerie's gateway: the server keeps the conversation, and the analytics
have it without another line.

    pip install 'volcengine-python-sdk[ark]'
    export CAUSERIE_URL=https://causerie.example.com ARK_API_KEY=…   # a key of kind gateway
    python examples/ark_context.py ep-ours
"""

import os
import sys

from volcenginesdkarkruntime import Ark

endpoint = sys.argv[1] if len(sys.argv) > 1 else "ep-local"
client = Ark(base_url=f"{os.environ.get('CAUSERIE_URL', 'http://127.0.0.1:8123')}/api/v3")

context = client.context.create(
    model=endpoint,
    mode="session",
    messages=[{"role": "system", "content": "You are a helpful assistant. Be brief."}],
    ttl=3600,
)
for question in ("My name is Ada.", "What is my name?"):
    reply = client.context.completions.create(
        context_id=context.id,
        model=endpoint,
        messages=[{"role": "user", "content": question}],
    )
    print(reply.choices[0].message.content)
