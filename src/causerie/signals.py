"""Plain words of discontent and content: an answer that is rejected, a user who gives up or thanks,
an assistant that refuses or is sorry, a question that is asked again.

Patterns in English, French, Spanish and Chinese, the clearest ones also in German, Portuguese,
Italian and Japanese. A sentence counts that says so outright, at the beginning or the end of a
message; what is quoted, in code, or said of somebody else does not. Precision before recall.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]


class Signal(StrEnum):
    """What a message says of how the conversation goes."""

    REJECTED = "rejected"
    GAVE_UP = "gave_up"
    THANKED = "thanked"
    REASKED = "reasked"
    APOLOGISED = "apologised"
    REFUSED = "refused"


HEAD_CHARS = 240
TAIL_CHARS = 160
RAW_CHARS_MAX = 20_000
REASKED_COSINE = 0.8
REASKED_WORDS_MIN = 3
REASKED_OVERLAP = 0.75
REASKED_OVERLAP_ALIKE = 0.4
REASKED_CHARS_MAX = 4_000
"""Of a longer message only so much is compared."""
REASKED_BACK_MAX = 10
"""A question counts as asked again if it is among so many user messages before."""

# The beginning of a sentence or of a clause that speaks for itself.
_START = r"(?:\A|(?<=[.!?;:,\n。！？，、…—–-])\s*|(?<=[.!?;:,…—–-] )|(?<=\n))"
_LEAD = (
    r"(?:(?:no|non|nein|não|nope|but|mais|pero|aber|mas|ma|still|sorry|hey|hmm+|ok|okay|"
    r"well|sí|si|yes|"
    r"actually|wait|désolé|perdón|不|不是|不对|但是|可是)[ ,.!，。]{1,3}){0,2}"
)

_REJECTED = (
    r"(?:that|this|it)(?:'s| is| was) (?:still )?(?:not|n't) (?:at all )?(?:what|the \w+) "
    r"i (?:'ve |have )?"
    r"(?:asked|meant|wanted|said|needed|need|want|mean|requested|am looking|'m looking)",
    r"(?:that|this|it) (?:isn't|wasn't) what i (?:asked|meant|wanted|said|need|want|mean|"
    r"requested)",
    r"not what i (?:asked|meant|wanted|said|requested)",
    r"(?:i )?(?:didn't|did not) (?:ask|mean) (?:for |you )?(?:that|this|to)\b",
    r"you (?:didn't|did not|don't|haven't) (?:answer(?:ed)? (?:my|the) question|"
    r"understand (?:me|my|the question)"
    r"|understood me|listen)",
    r"you (?:are|'re) (?:still )?(?:wrong|not listening|mistaken|not answering)\b",
    r"you (?:got (?:it|that) wrong|misunderstood|missed the point)",
    r"(?:that|this|your answer|the answer|your code)(?:'s| is) (?:still |just |completely "
    r"|totally )?"
    r"(?:wrong|incorrect|not (?:right|correct|true|helpful|working))(?! with)\b",
    r"(?:that|this|it) (?:still )?(?:doesn't|does not|didn't|did not) (?:work|help|"
    r"answer)\b(?! (?:for|with|in) )",
    r"(?:still )?(?:doesn't|not) work(?:ing)?[.!]*\Z",
    r"(?:ce |cela |ça )?(?:n'est|n'était|c'est) (?:toujours )?pas (?:du tout )?(?:ce que|"
    r"la \w+ que|ce dont)"
    r" (?:j'|je |nous )?(?:ai |avais |voulais|veux|voulu|demandais|demande|cherche|parle)",
    r"(?:ce|cela|ça) (?:n'est|n'était) (?:toujours )?pas (?:du tout )?ce que j'",
    r"(?:tu n'as|vous n'avez|t'as|vous avez|tu as) (?:toujours )?(?:pas |rien |mal "
    r")(?:compris|répondu)",
    r"(?:tu te trompes|vous vous trompez)\b",
    r"(?:c'est|cette réponse est|ta réponse est|votre réponse est) (?:toujours |complètement )?"
    r"(?:faux|fausse|incorrecte?|pas (?:bon|ça|correct|juste))(?= *[.!,\n]|\Z)",
    r"(?:ça|cela) ne (?:marche|fonctionne|répond) (?:toujours )?pas",
    r"(?:eso |esto )?no (?:es|era) (?:eso )?lo que (?:te |le |yo )*(?:he |había )?"
    r"(?:ped[ií]|pedido|pregunt\w+|quer[ií]\w*|quiero|dij\w+|busc\w+|necesit\w+|decía)",
    r"no (?:me )?(?:has|ha|habéis) (?:entendido|respondido|contestado)",
    r"no (?:me )?(?:entendiste|entendió|respondiste|respondió) (?:a )?(?:mi|lo que|la "
    r"pregunta|bien)",
    r"(?:te equivocas|se equivoca|estás equivocado)\b",
    r"(?:eso|esto|tu respuesta|la respuesta)(?: sigue| todavía)? (?:es|está) (?:mal|"
    r"incorrect[oa]|equivocad[oa])"
    r"(?= *[.!,\n]|\Z)",
    r"(?:eso|esto|sigue|todavía) (?:sin|no) funciona\w*",
    r"(?:这|那|這)?(?:根本)?不是我(?:要|想|问|說|说|問|需要)(?:问|要|說|说|問|知道)?的",
    r"我(?:问|說|说|問|要|想要)的(?:根本)?(?:不是这|不是那|不是這)",
    r"(?:你|您)(?:还是|完全|根本)?(?:没有?|沒有?)(?:听懂|聽懂|理解|回答|明白)",
    r"(?:你|您)(?:还是|又)?(?:理解|回答|搞|弄|说)错",
    r"答非所问|(?:这|你的)?(?:个)?(?:回答|答案)(?:是)?(?:不对|错的|错误的|不正确)|"
    r"还是不(?:对|行)(?:[。！!，]|\Z)",
    r"das ist nicht(?: das)?,? was ich (?:wollte|meinte|gefragt|brauche|will|suche)",
    r"das war nicht(?: das)?,? was ich|du hast (?:mich|meine frage) nicht (?:verstanden|"
    r"beantwortet)",
    r"das (?:ist|stimmt) (?:falsch|nicht)(?= *[.!,\n]|\Z)|das funktioniert (?:immer noch )?nicht",
    r"(?:isso |isto )?não (?:é|era|foi) (?:isso )?o que eu? ?(?:te )?(?:pedi|perguntei|"
    r"quis|queria|quero|disse)",
    r"você não (?:entendeu|respondeu)|isso está errado",
    r"non è (?:quello|ciò) che (?:ti )?(?:ho chiesto|volevo|intendevo|cerco)|non hai "
    r"(?:capito|risposto)",
    r"(?:そう|それ|これ)(?:じゃ|では)(?:ない|ありません|なくて)(?:です|。|！|、|\Z)|"
    r"聞いて(?:いる|る)のは(?:そう|それ)(?:じゃ|では)",
)
_GAVE_UP = (
    r"(?:i )?(?:give|'m giving|am giving) up(?= *[.!,\n]|\Z| on (?:you|this))",
    r"(?:never ?mind|forget (?:it|about it)|this is (?:useless|pointless|hopeless)|you(?: "
    r"are|'re) useless)"
    r"(?= *[.!,\n]|\Z)",
    r"(?:i'll|i will) (?:just )?(?:do it myself|ask (?:someone|somebody) else|figure it "
    r"out myself)",
    r"(?:let me |i want to |can i )(?:speak|talk) (?:to|with) (?:a |an )?(?:real |actual )?"
    r"(?:human|person|agent|manager)\b",
    r"(?:j'abandonne|je laisse tomber|laisse tomber|laissez tomber|tant pis|c'est inutile|"
    r"tu ne sers à rien)"
    r"(?= *[.!,\n]|\Z)",
    r"je (?:veux|voudrais) parler à (?:un|une) (?:humain|personne|vrai|conseiller)",
    r"(?:me rindo|olvídalo|olvidalo|olvídelo|déjalo|dejalo|da igual|no sirves para nada|"
    r"es inútil)"
    r"(?= *[.!,\n]|\Z)",
    r"quiero hablar con (?:un|una) (?:humano|persona|agente)",
    r"(?:算了|不用了|我放弃了?|放弃吧|没用的|不问了)(?=[。！!，,吧 ]|\Z)|(?:转人工|"
    r"人工客服)(?=[。！!]|\Z)",
    r"(?:ich gebe auf|vergiss es|schon gut, vergiss)(?= *[.!,\n]|\Z)",
    r"(?:desisto|deixa pra lá|esquece|esqueça)(?= *[.!,\n]|\Z)|(?:lascia stare|lascia "
    r"perdere|mi arrendo)"
    r"(?= *[.!,\n]|\Z)",
    r"(?:もういい(?:です)?|諦めます|あきらめます)(?=[。！!]|\Z)",
)
_THANKED = (
    r"(?:many |ok(?:ay)?,? |great,? |perfect,? |cool,? |awesome,? )?(?:thanks|thank you|"
    r"thank u|thx|tysm|ty)\b"
    r"(?! (?:to|but|for (?:nothing|not|your (?:order|interest|application|e-?mail|"
    r"purchase|business)"
    r"|contacting|continuing|considering|applying))\b| in advance|, but\b| god\b)",
    r"(?:i )?(?:really )?appreciate (?:it|that|your help|the help)",
    r"(?:un grand |grand )?merci(?! d'avance| (?:de|à) (?!(?:ton|votre|toi|vous)\b)|, "
    r"mais| mais| pour rien)\b",
    r"(?:muchas |mil )?gracias(?! a(?:l| la| los| las)? | de antemano|,? pero| por nada)\b",
    r"(?:非常|太|十分|很)?(?:谢谢|感谢|多谢|謝謝|感謝)(?!你?[的]?邀请|信|辞|，?但)",
    r"(?:vielen dank|danke(?: schön| dir)?)(?! im voraus|, aber)\b",
    r"(?:muito )?obrigad[oa](?! pela atenção desde)\b|(?:mille )?grazie(?! a(?:l| )| in "
    r"anticipo)\b",
    r"(?:どうも)?ありがとう|助かりました",
)
_APOLOGISED = (
    r"(?:i |we )?(?:do )?(?:sincerely )?apologi[sz]e(?: for (?:the|any|my|that|this|not)|"
    r"[.!]|, (?!but))",
    r"(?:my )?(?:sincere )?apologies(?: for (?:the|any|my|that|this|not)|[.!]|, (?!but))",
    r"(?:i'm |i am |we're |we are )?(?:so |very |really |terribly )?sorry (?:for|about) "
    r"(?:the (?:confusion|mistake|error|misunderstanding|oversight|inconvenience|delay|wait|mix-up"
    r"|trouble|hassle|frustration)|my |(?:that|this)[.!,]|any )",
    r"(?:that|it)(?:'s| is| was) (?:entirely |completely |all )?my (?:fault|mistake)"
    r"(?= *[.,:;!\n]|\Z)",
    r"my (?:mistake|bad)\b|you(?:'re| are) (?:absolutely )?right[,.!] (?:i |and i "
    r")?(?:apologi|made|was wrong|sorry)",
    r"(?:je (?:m'excuse|vous prie de m'excuser|suis (?:vraiment |sincèrement )?désolée? "
    r"(?:pour|de) (?:la|l'|le|cette|mon|ma))"
    r"|pardon pour (?:la|l'|le|cette|cet|ce|mon|ma|les)\b"
    r"|(?:nous sommes|je suis) (?:vraiment |sincèrement )?(?:navr|désol)ée?s? (?:du|de (?:ce|cet|"
    r"cette|la|l')|pour) ?(?:retard|attente|erreur|désagrément|gêne|contretemps|confusion)"
    r"|(?:toutes )?(?:mes|nos) excuses|veuillez (?:m'|nous )excuser|"
    r"désolée? pour (?:la|l'|le|cette|mon|ma|les))",
    r"(?:(?:le |te |les |os )?(?:pido|pedimos) (?:disculpas|perdón)|"
    r"perdón por (?:la|el|los|las|mi)\b"
    r"|sentimos (?:el (?:retraso|error)|la (?:demora|confusión)|las molestias)|"
    r"(?:mis |mil )disculpas|me disculpo"
    r"|disculp[ae] (?:la|el|por|los) |lamento (?:la confusión|el error|las molestias|el "
    r"malentendido)"
    r"|lo siento por (?:la|el|mi))",
    r"(?:lo )?(?:siento|sentimos|lament(?:o|amos)) (?:mucho |muchísimo |sinceramente |de verdad )?"
    r"(?:por )?(?:las molestias|l[ao]s? (?:inconvenientes?|problemas?)"
    r"|la (?:confusión|demora|espera|tardanza)|el (?:retraso|error|malentendido|inconveniente"
    r"|contratiempo|problema|fallo))",
    r"lo (?:siento|sentimos|lamento|lamentamos)(?: mucho| muchísimo| de verdad)?(?= *[.!]|\Z)"
    r"|disculp(?:a|e|en|ad|anos|enos) (?:las?|el|los|por) "
    r"|(?:mis|nuestras|mil)(?: más sinceras)? disculpas"
    r"|(?:te|le|os|les) (?:pido|pedimos) (?:mil |sinceras )?(?:disculpas|perdón)",
    r"(?:je|nous) (?:vous |te )?(?:présent(?:e|ons)|adress(?:e|ons)) (?:toutes )?(?:mes|nos) "
    r"(?:plus )?(?:sincères |plates )?excuses",
    r"(?:(?:je suis|nous sommes) )?(?:vraiment |sincèrement |profondément )?(?:désol|navr)ée?s?"
    r"(?:(?= *[.!]|\Z)|,? (?:cela|ça|ceci) n'aurait (?:pas|jamais) dû"
    r"| (?:pour|de|du) (?:(?:ce|cet|cette|ces|la|le|les|vos|votre) |l')?(?:retard|attente|erreur"
    r"|désagrément|gêne|contretemps|confusion|inconvénient|malentendu|délai|problème)s?)",
    r"(?:(?:对此|對此|我们|我们对此|实在|真的|非常|很|十分|万分|深感)){0,2}(?:抱歉|对不起|對不起)(?=[。！!\n]|\Z)",
    r"(?:非常|很|十分|实在|真的)?(?:抱歉|对不起|對不起)[，,](?:这|那|這)(?:件事)?(?:本来|本)?不(?:应该|该|應該)",
    r"(?:我们|我)?(?:对此|對此)?(?:深表|表示|致以)(?:诚挚的?|深深的?|真诚的?)?(?:歉意|抱歉)",
    r"(?:给|为|对)(?:您|你)(?:带来|造成|添)[^。！？\n]{1,12}(?:抱歉|见谅|谅解|歉意|对不起)",
    r"不好意思[，,](?:刚才|之前|我(?:刚才)?(?:算|说|弄|搞|看|记)错|让您|给您)",
    r"(?:实在|真是|万分)?(?:抱歉|对不起|對不起)[，,](?:您|你)的[^，。\n]{1,10}(?:延误|晚|错|弄|丢)",
    r"(?:非常|很|真的|十分|实在|万分|我)?(?:抱歉|对不起|對不起|道歉)[，,。！!]?(?:我|之前|刚才|上面|"
    r"让|給|给|由于|是我)"
    r"(?!无法|不能|没办法|無法|不会|是一)",
    r"(?:entschuldigung|entschuldige|es tut mir leid) für (?:die|den|das|mein)|ich "
    r"entschuldige mich",
    r"peço desculpas?|desculpe pel[ao]|mi scuso|chiedo scusa|mi dispiace per (?:l'|la|il) "
    r"?(?:errore|confusione)",
    r"申し訳(?:ありません|ございません)(?:でした)|(?:誤り|間違い|ミス).{0,10}(?:お詫び|申し訳)",
)
_REFUSED = (
    r"(?:i'm |i am |we're |i )?(?:so |very |really )?(?:sorry|afraid|apologi[sz]e),? "
    r"(?:but )?(?:that )?"
    r"(?:as an? [\w -]{2,40}, )?i(?:'m (?:not able|unable)| (?:can't|cannot|can not|"
    r"am (?:not able|unable)|won't|do(?:n't| not) have (?:access|"
    r"the ability|real-?time|information)))",
    r"that(?:'s| is) (?:not something i(?:'m| am)|something i(?:'m| am) not) (?:able|allowed) to "
    r"(?:do|help|share|discuss|answer)",
    r"(?:that|this)(?: request)? goes against (?:my|our) (?:guidelines|polic|rules)",
    r"(?:so )?i(?:'ll| will| must) have to decline|i (?:must|have to) (?:respectfully )?decline",
    r"i(?:'d| would) (?:rather|prefer) not (?:to )?(?:get into|answer|discuss|talk about|say)\b",
    r"i(?:'m| am) (?:not able to|unable to) (?:provide|assist|help|answer|access|generate|"
    r"create|fulfil+|"
    r"browse|comply|complete|predict)",
    r"i (?:can't|cannot|can not|won't) (?:provide|assist|help with|fulfil+|comply|"
    r"generate|create|engage|"
    r"answer|discuss|browse|access|do that)",
    r"as an? (?:ai|artificial|language|large|text)[\w -]{0,40}, (?:but )?i (?:can't|"
    r"cannot|do not|don't|am not|"
    r"'m not|am unable|'m unable|won't)",
    r"i (?:do not|don't) have (?:access to|the ability|the capability|real-?time|personal)",
    r"(?:je (?:suis |suis vraiment )?)?désolée?,? (?:mais )?(?:je ne (?:peux|suis)|je n'ai) pas",
    r"je (?:crains|regrette),? (?:\w+,? )?(?:de )?ne pas pouvoir",
    r"je préfère ne pas (?:me prononcer|répondre|en parler|m'exprimer)",
    r"il ne m'est (?:malheureusement )?pas possible de\b",
    r"cela dépasse ce que je (?:suis|peux)",
    r"je ne (?:peux|suis) (?:malheureusement )?pas (?:en mesure|capable|vous aider|"
    r"t'aider|répondre|fournir|"
    r"accéder|générer|autorisé)",
    r"en tant (?:qu'ia|qu'intelligence artificielle|que modèle|qu'assistant)[^.\n]{0,50}, "
    r"je (?:ne |n')",
    r"(?:lo siento|lamentablemente|lo lamento),? (?:pero )?(?:como [\w ]{2,40}, )?no "
    r"(?:puedo|podemos|me es posible|tengo (?:acceso|la capacidad|autorización|permiso))",
    r"me temo que no (?:puedo|podemos|me es posible|nos es posible)",
    r"(?:eso|esto) va (?:en )?contra (?:de )?(?:mis|nuestras) (?:normas|políticas|reglas)",
    r"(?:y )?no voy a (?:hacerlo|responder|contestar)\b",
    r"no (?:puedo|me es posible|soy capaz de) (?:ayudar\w*|proporcionar\w*|responder|"
    r"generar|acceder|cumplir)",
    r"como (?:modelo|una? (?:ia|inteligencia|modelo))[^.\n]{0,50}, no (?:puedo|tengo)",
    r"(?:抱歉|对不起|對不起|很遗憾)[，,。]?(?:但|作为[^，。\n]{2,20}[，,])?(?:我)?(?:目前|"
    r"暂时|现在)?"
    r"(?:无法|不能|没办法|沒辦法|無法|没有(?:办法|能力|权限))",
    r"(?:作为|作為)(?:一个|一個|一名)?(?:AI|人工智能|人工智慧|语言模型|"
    r"語言模型)[^。\n]{0,20}[，,]?我(?:无法|不能|没有|無法|沒有)",
    r"(?:不过)?(?:很抱歉，)?(?:这|那)?(?:已经)?超出了?我的?(?:能力|权限|知识)",
    r"恕(?:我)?(?:不能|难|无法)从命|恕我?(?:不能|无法)",
    r"(?:我们|这边|我)?(?:暂时|目前)?(?:没有?办法|无法)(?:帮|为|给)(?:您|你)",
    r"我(?:无法|不能|無法)(?:提供|回答|帮助|满足|生成|访问|執行|执行|協助|协助)",
    r"(?:es )?tut mir leid,? (?:aber )?(?:ich kann|das kann ich|ich bin nicht)|ich kann "
    r"(?:ihnen|dir) (?:dabei )?"
    r"(?:leider )?nicht (?:helfen|weiterhelfen)",
    r"desculpe,? (?:mas )?(?:eu )?não posso|mi dispiace,? (?:ma )?non posso",
    r"(?:申し訳(?:ありません|ございません)|すみません|"
    r"残念ながら)[がけれどもでした、。]{0,7}[^。\n]{0,30}(?:できません|お答えできません)",
)


def _any(patterns: Sequence[str], *, lead: str = "") -> re.Pattern[str]:
    return re.compile(f"{_START}{lead}(?:{'|'.join(patterns)})", re.IGNORECASE)


_USER = {
    Signal.REJECTED: _any(_REJECTED, lead=_LEAD),
    Signal.GAVE_UP: _any(_GAVE_UP, lead=_LEAD),
    Signal.THANKED: _any(_THANKED, lead=_LEAD),
}
_ASSISTANT = {
    Signal.APOLOGISED: _any(_APOLOGISED, lead=_LEAD),
    Signal.REFUSED: _any(_REFUSED, lead=_LEAD),
}
# Spans of others' words: code, quoted lines, and what stands between quotation marks.
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]{1,200}`|^[ \t]{0,3}>[^\n]*|\"[^\"\n]{1,300}\"|“[^”\n]{1,300}”"
    r"|«[^»\n]{1,300}»|「[^」\n]{1,300}」|『[^』\n]{1,300}』",
    re.DOTALL | re.MULTILINE,
)
_SPACES = re.compile(r"[ \t\u00a0\u3000]+")
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")


def signals_of(text: str, role: str) -> tuple[Signal, ...]:
    """What a message of "user" or "assistant" says outright, in the order of Signal; nothing for
    other roles. A question that is asked again is `reasked`'s.
    """
    patterns = {"user": _USER, "assistant": _ASSISTANT}.get(role)
    if not patterns or not text:
        return ()
    parts = _ends(text)
    if role == "assistant":
        # One that ends on "I cannot help with X as well" has answered; a refusal stands first.
        parts = parts[:1]
    return tuple(
        signal for signal, found in patterns.items() if any(found.search(part) for part in parts)
    )


def _ends(text: str) -> tuple[str, ...]:
    """A text's beginning and, of a longer one, its end, without what is quoted."""
    text = unquoted(text).replace("’", "'")
    text = _SPACES.sub(" ", text).strip()
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return (text,)
    # From the first whole sentence of the end on: half a one could begin with anything.
    tail = text[-TAIL_CHARS:]
    cut = re.search(r"[.!?。！？\n]", tail)
    return text[:HEAD_CHARS], tail[cut.end() :].strip() if cut else ""


def unquoted(text: str) -> str:
    """The first RAW_CHARS_MAX characters of a text without code and others' words."""
    return _QUOTED.sub(" ", text[:RAW_CHARS_MAX])


def reasked(texts: Sequence[str], vectors: Floats) -> list[bool]:
    """Whether each of one conversation's user messages, in their order, asks again what one of the
    REASKED_BACK_MAX before it asked; `vectors` are theirs, of unit length and not centred.

    The same words, or most of them, or some with nearly the same meaning. Turns of a word or two
    never count, nor do those that differ in a number.
    """
    words = [frozenset(_TOKEN.findall(text[:REASKED_CHARS_MAX].lower())) for text in texts]
    return [
        any(
            _asks_again(words[earlier], words[later], vectors[earlier], vectors[later])
            for earlier in range(max(0, later - REASKED_BACK_MAX), later)
        )
        for later in range(len(texts))
    ]


def _asks_again(
    earlier: frozenset[str], later: frozenset[str], vector: Floats, later_vector: Floats
) -> bool:
    fewer, more = sorted((len(earlier), len(later)))
    # No overlap can be more than the share of the sizes.
    if fewer < REASKED_WORDS_MIN or fewer < REASKED_OVERLAP_ALIKE * more:
        return False
    shared = len(earlier & later)
    overlap = shared / (fewer + more - shared)
    if overlap < REASKED_OVERLAP_ALIKE:
        return False
    if any(sign.isdigit() for word in earlier ^ later for sign in word):
        return False
    return overlap >= REASKED_OVERLAP or float(vector @ later_vector) >= REASKED_COSINE
