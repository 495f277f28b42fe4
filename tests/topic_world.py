"""Messages of a small made-up shop, in four languages, by topic: what tests of topics look at."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from causerie.embeddings import UniversalSentenceEncoder, Vectors

THINGS = {
    "en": ("lamp", "chair", "kettle", "jacket", "bicycle", "carpet"),
    "fr": ("lampe", "chaise", "bouilloire", "veste", "bicyclette", "tapis"),
    "es": ("lámpara", "silla", "tetera", "chaqueta", "bicicleta", "alfombra"),
    "zh": ("台灯", "椅子", "水壶", "夹克", "自行车", "地毯"),
}
ASKED = {
    "refund": {
        "en": ("I want a refund for the {}", "Please give me my money back for the {}"),
        "fr": ("Je veux être remboursé pour la {}", "Rendez-moi mon argent pour la {}"),
        "es": ("Quiero un reembolso por la {}", "Devuélvanme el dinero de la {}"),
        "zh": ("我要申请{}的退款", "请把{}的钱退给我"),
    },
    "delivery": {
        "en": ("Where is the parcel with my {}?", "When will the {} be delivered?"),
        "fr": ("Où est le colis avec ma {} ?", "Quand la {} sera-t-elle livrée ?"),
        "es": ("¿Dónde está el paquete con mi {}?", "¿Cuándo se entregará la {}?"),
        "zh": ("我的{}包裹到哪里了？", "{}什么时候能送到？"),
    },
    "password": {
        "en": ("I forgot my password, account {}", "Reset the password of my {} account"),
        "fr": ("J'ai oublié mon mot de passe, compte {}", "Changer le mot de passe du compte {}"),
        "es": ("Olvidé mi contraseña, cuenta {}", "Cambiar la contraseña de la cuenta {}"),
        "zh": ("我忘记了{}账户的密码", "怎么重置{}账户的密码"),
    },
    "weather": {
        "en": ("Will it rain today, {}?", "How is the weather tomorrow, {}?"),
        "fr": ("Va-t-il pleuvoir aujourd'hui, {} ?", "Quel temps fera-t-il demain, {} ?"),
        "es": ("¿Va a llover hoy, {}?", "¿Qué tiempo hará mañana, {}?"),
        "zh": ("今天会下雨吗，{}？", "明天天气怎么样，{}？"),
    },
}


class Messages(NamedTuple):
    texts: list[str]
    languages: list[str]
    topics: list[str]
    vectors: Vectors

    def where(self, *topics: str) -> Messages:
        """Only those of some topics."""
        return self.pick([row for row, topic in enumerate(self.topics) if topic in topics])

    def pick(self, rows: list[int]) -> Messages:
        return Messages(
            [self.texts[row] for row in rows],
            [self.languages[row] for row in rows],
            [self.topics[row] for row in rows],
            self.vectors[rows],
        )


def messages(model: UniversalSentenceEncoder) -> Messages:
    """All of them, in an order of chance that is always the same."""
    said = [
        (form.format(thing), language, topic)
        for topic, languages in ASKED.items()
        for language, forms in languages.items()
        for form, thing in itertools.product(forms, THINGS[language])
    ]
    order = np.random.default_rng(7).permutation(len(said))
    texts, languages, topics = zip(*[said[place] for place in order], strict=True)
    return Messages(list(texts), list(languages), list(topics), model.embed(texts))


def purity(found: list[str] | list[int], topics: list[str]) -> float:
    """The share of messages whose group is mostly of their topic."""
    right = 0
    for group in set(found):
        own = [topic for each, topic in zip(found, topics, strict=True) if each == group]
        right += max(own.count(topic) for topic in set(own))
    return right / len(topics)
