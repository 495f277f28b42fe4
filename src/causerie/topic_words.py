"""The words of a message that may name a topic, by language; none that all messages have."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import lru_cache

CHARS_READ = 400
"""Of a long message, its beginning tells what it is about; the rest is mostly material."""
FILLERS = {
    "en": "hi hello hey thanks thank please pls ok okay yes no yeah dear sorry want wanna "
    "need like know help tell give show let get got make help im ive id dont cant "
    "doesnt didnt isnt whats hows lets gonna way thing things really just could would "
    "should also using use used actually try trying said says guess continue next "
    "write explain example following question questions answer i'm i've i'd i'll "
    "don't can't doesn't didn't isn't what's how's let's won't that's it's provide "
    "haha hahah hahaha hehe lol lmao omg wow hmm yep yup nope nah cool nice awesome",
    "fr": "bonjour salut merci svp stp oui non ok d'accord veux voudrais peux peut pouvez "
    "faire fait besoin aide aider dire donne donner comment pourquoi quel quelle "
    "quels quelles est-ce j'ai suis c'est qu'est-ce bonsoir faut aimerais pourriez "
    "pouvoir",
    "es": "hola gracias favor por sí no vale ok quiero quisiera puedo puede puedes necesito "
    "ayuda hacer hago dime dar dame cómo qué cuál cuáles dónde buenos buenas días "
    "tardes gustaría podría podrías tengo está",
    "de": "hallo danke bitte ja nein ok möchte kann können könnte brauche hilfe gibt mir mal",
    "zh": "你好 您好 谢谢 请 请问 好的 想 要 需要 可以 能 帮 帮我 帮忙 一下 告诉 怎么 怎样 "
    "什么 为什么 如何 哪个 哪里 哪些 多少 是否 有没有 我想 我要 知道 一个 这个 那个 "
    "问题 继续 吗 呢 吧 应该",
    "ja": "こんにちは ありがとう お願い 教えて です ます 何 思 私 今日 今 時 事 人 方 感 言 "
    "行 見 出来 良 好 最近 本当 一番 自分 大変 先日 面白 興味 普段 最初",
}
"""Words of any conversation, whatever its topic."""
TONE = {
    "en": "appreciate appreciated perfect brilliant lovely great super cheers awesome amazing "
    "fantastic excellent helpful helped quick star sorted solved worked makes sense got lot glad "
    "happy relieved relief nice good useful useless terrible awful bad worst worse disappointing "
    "disappointed frustrating frustrated angry annoyed annoying ridiculous unbelievable "
    "unacceptable fed tired patience hopeless pointless nonsense seriously honestly exactly "
    "evening weekend morning tonight today tomorrow monday tuesday wednesday thursday friday "
    "saturday sunday bye goodbye",
    "fr": "génial super parfait excellent formidable nickel top bravo chouette impeccable utile "
    "aidé rapide rapidité infiniment grand mille bon bonne belle journée soirée week-end content "
    "contente soulagé soulagée ravi ravie inutile nul nulle horrible mauvais pire déçu déçue "
    "décevant frustrant fâché fâchée énervé énervée énervant ridicule incroyable inadmissible "
    "inacceptable marre ras-le-bol patience franchement sérieusement honnêtement exactement lundi "
    "mardi mercredi jeudi vendredi samedi dimanche demain aujourd'hui soir matin revoir",
    "es": "genial súper super perfecto excelente fantástico estupendo buenísimo útil rápido "
    "rapidísimo rápida rapidísima rapidez clarísimo muchísimas mil buen bueno buena día tarde "
    "noche contento contenta feliz alivio encantado encantada inútil pésimo pésima horrible malo "
    "mala peor decepcionado decepcionada decepcionante frustrante enfadado enfadada harto harta "
    "ridículo increíble inaceptable vergüenza paciencia sinceramente francamente exactamente "
    "lunes martes miércoles jueves viernes sábado domingo mañana hoy adiós",
    "zh": "感谢 多谢 谢谢您 谢谢你 非常感谢 辛苦 太好了 太棒 真棒 很好 好用 不错 "
    "完美 厉害 真快 好快 "
    "有用 有帮助 大忙 放心 高兴 开心 愉快 没用 差劲 最差 糟糕 失望 生气 "
    "无语 离谱 荒唐 烦死 受够 受不了 耐心 "
    "老实说 说实话 正是 今晚 明天 今天 周一 周二 周三 周四 周五 周六 周日 周末 再见",
}
"""Words of courtesy and feeling, and when they are said: how somebody fares, not with what."""
OF_ANSWERS = {
    "en": "answer answers answered wrong asked explained told read meant times question problem "
    "service support repeating sending circles waste real clear fast works found understood "
    "needed wanted looking helping listen listening message",
    "fr": "réponse réponses répondu faux explique expliqué demandé dit lu compris comprends "
    "comprendre trouvé fois question problème service voulais savoir cherchais fallait réglé "
    "marché fonctionne temps vrai vraie clair répéter express vois idée",
    "es": "respuesta respuestas respondido explicado preguntado dicho leído entendido entiendo "
    "encontré encontrado veces pregunta problema servicio quería saber saberlo buscaba necesitaba "
    "justo servido solucionado arreglado funcionado funciona tiempo real claro veo vueltas repites "
    "idea",
    "zh": "回复 回答 答案 解释 明白 清楚 懂了 了解 解决 搞定 看到 试试 问题 服务 "
    "客服 已经 一直 重复 浪费 时间 马上 现在",
}
"""Words of any answer, good or bad. They may name a topic, but a message of nothing else than these
and courtesy is about how it went."""
HAN = r"\u3400-\u4dbf\u4e00-\u9fff々"
WORD = re.compile(
    rf"[{HAN}]+|[\u30a0-\u30ffー]+|[\u3040-\u309f]+|[\u0e00-\u0e7f]+"
    rf"|(?:(?![{HAN}\u3040-\u30ff\u0e00-\u0e7f])[^\W\d_])+"
    rf"(?:['’-](?:(?![{HAN}\u3040-\u30ff\u0e00-\u0e7f])[^\W\d_])+)*"
)
HAN_RUN = re.compile(rf"[{HAN}]")
KANA_RUN = re.compile(r"[\u3040-\u309f]")
NO_WORDS = re.compile(r"```.*?(?:```|$)|https?://\S+|<[^>\s][^>]{0,200}>|\S+@\S+", re.DOTALL)
TELLING = frozenset(
    [
        "bill",
        "call",
        "computer",
        "date",
        "fire",
        "home",
        "number",
        "order",
        "page",
        "problem",
        "site",
        "state",
        "system",
        "test",
        "text",
        "web",
        "work",
        "world",
        "year",
        "member",
        "room",
        "information",
        "research",
        "fix",
        "area",
        "section",
        "translate",
        "update",
        "cancel",
        "change",
        "transfer",
    ]
)
"""What lists of stopwords hold, made from old texts of other kinds, and yet names topics here."""
STEM_ENDINGS = (
    "ication",
    "ations",
    "ation",
    "ings",
    "ing",
    "ies",
    "ied",
    "es",
    "ed",
    "s",
    "e",
    "y",
)
MASK = re.compile(r"\[[A-Z_]{3,}\]|<[A-Z_]{3,}>")


def terms_of(text: str, language: str) -> Iterator[str]:
    """The words of a text and the pairs of words that stand together, lower case; a pair may have
    a filler between its words, and is then not taken.
    """
    before = ""
    stop = stopwords(language)
    for word in words_of(text, language):
        if word in stop or not long_enough(word):
            before = ""
            continue
        yield word
        if before and before != word:
            yield joined(before, word)
        before = word


def words_of(text: str, language: str) -> Iterator[str]:
    """All words of the beginning of a text, lower case: no code, addresses, markup or numbers."""
    read = NO_WORDS.sub(" . ", MASK.sub(" ", text[: 4 * CHARS_READ]))[:CHARS_READ].lower()
    for found in WORD.finditer(read):
        word = found.group().replace("’", "'")
        if HAN_RUN.match(word) and language != "ja":
            yield from chinese(word)
        elif not KANA_RUN.match(word):
            # Hiragana is what holds Japanese words together; what they mean is in the rest.
            yield word.removesuffix("'s")


def chinese(run: str) -> list[str]:
    """The words of a run of Chinese characters."""
    import rjieba

    return list(rjieba.cut(run))


def long_enough(word: str) -> bool:
    """One letter says nothing, one Chinese character seldom enough."""
    return len(word) >= (2 if HAN_RUN.match(word) else 3)


def joined(first: str, second: str) -> str:
    return first + second if HAN_RUN.match(first) else f"{first} {second}"


def is_tone(text: str, language: str) -> bool:
    """Whether a text tells how it went and nothing else: it has words, and none of a topic."""
    said = set(words_of(text, language))
    subjects = {word for word in said - stopwords(language) if long_enough(word)}
    return bool(said) and subjects <= set(OF_ANSWERS.get(language, "").split())


@lru_cache(maxsize=64)
def stopwords(language: str) -> frozenset[str]:
    """Words that say nothing of a topic, in that language; English ones everywhere."""
    logging.getLogger("stopwordsiso").setLevel(logging.ERROR)
    from stopwordsiso import has_lang
    from stopwordsiso import stopwords as listed

    words: set[str] = set()
    for each in {language, "en"} - {""}:
        if has_lang(each):
            words |= {word.lower() for word in listed(each)}
        words |= set(f"{FILLERS.get(each, '')} {TONE.get(each, '')}".split())
    return frozenset(words - TELLING)


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """What singular and plural, and the forms of a verb, have in common, roughly."""
    for endings in (STEM_ENDINGS, ("e", "y", "i")):
        fitting = (end for end in endings if word.endswith(end) and len(word) - len(end) >= 3)
        word = word[: len(word) - len(next(fitting, ""))]
    return word


def stems(term: str) -> frozenset[str]:
    return frozenset(stem(word) for word in term.split(" "))
