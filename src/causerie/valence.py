"""Words, signs and faces that say whether somebody is pleased, and what turns them round.

Written for this project in English, French, Spanish, German, Portuguese, Italian and Chinese. A
word that ends in * stands for all that begin so. Left out are words that mean something else in
another of these languages, such as the French "pain": the lists are read together.
"""

from __future__ import annotations

import re
from typing import NamedTuple

PLEASED = """
    good great excellent awesome amazing wonderful fantastic brilliant perfect* love loved loves
    loving lovely like liked enjoy* happy happi* glad pleased delight* thank* thx nice best
    better beautiful gorgeous cute fun funny hilarious lol lmao haha* cool sweet proud helpful
    useful impress* recommend* congrat* yay wow win winning won excited exciting hope* fav
    favorite favourite superb outstanding smooth* easy easily fast appreciate* grateful bless*
    smile* laugh* well worth reliable solid works interesting incredible epic kudos bravo fair
    enjoyable satisfied relief relieved adorable

    bien bon bonne bonnes meilleur* excellente* génial* super magnifique* merveill* parfait*
    parfaite* adore* aime aimé j'aime heureux heureuse* content* ravi ravie merci beau belle*
    joli* drôle* sympa cool bravo félicitation* rapide* facile* utile* réussi* réussite succès
    espoir agréable* plaisir top formidable* fier fière mdr ptdr sourire* rire* gagn* espère*
    victoire* courage magique*

    bueno buena buenos buenas mejor* excelente* genial* increíble* maravill* perfecto perfecta*
    encanta* encantó gusta* gustó quiero feliz felic* contento contenta* alegr* gracias bonit*
    hermos* linda lindo guapa guapo divertid* jaja* jeje* guay rápid* fácil* útil* éxito*
    esperanza* agradable* orgull* enhorabuena recomiend* ganar gan* disfrut* precios* risa*
    sonri* crack ánimo amor amo

    gut gute guter gutes besser* beste* toll tolle* großartig* wunderbar* perfekt* liebe lieben*
    freu* glücklich* froh danke schön schöne* lustig* klasse geil* hübsch* schnell* einfach
    hilfreich* nützlich* lecker* zufrieden* stolz* gefällt spaß hoff* gewonn* prima endlich

    bom boa bons boas melhor* ótimo ótima* maravilh* perfeit* adoro adorei amei gosto gostei
    felizes obrigad* linda* lindo* divertid* kkk* rsrs* rápido* fácil útil sucesso* parabéns
    orgulho sorriso saudade* amor

    buono buona buoni bello bella* bellissim* meraviglios* fantastic* perfett* adoro mi-piace
    felice* contento* grazie divertent* veloce* facile* ottim* bravissim* evviva
"""
DISPLEASED = """
    awful terribl* horribl* worst worse hate hated hates hating disgust* annoy* angry anger
    furious upset sad sadly unhappy disappoint* useless worthless stupid idiot* dumb moron*
    sucks suck sucked crap* shit* fuck* damn hell* ugly wrong broken fail* failure* problem*
    issue* error* bug* buggy scam* fraud* lie lied liar* lying cheat* rude boring bored lame
    ridiculous pathetic nonsense garbage trash rubbish waste* wasted slow slowly late lost lose
    losing fear afraid scared worr* nervous anxious cry crying hurt* kill* dead death die* died
    dying sick ill regret* sorry shame* ashamed embarrass* guilt* miss missed unfortunate*
    unaccept* complain* ruin* frustrat* confus* creepy gross weird weak toxic racist* evil cruel
    never nobody tired exhausted lonely depress* wtf smh ugh meh nasty horrid

    mauvais* nul nulle* horrible* affreu* pire* déteste* haine* dégout* dégoût* énerv* colère*
    furieu* triste* décev* déçu* déception inutile* stupide* idiot* con conne* connard* merde*
    putain chiant* moche* faux panne* échec* problème* erreur* bug* arnaque* mensonge* menteur*
    menteuse* ennuy* honte* ridicule* perdu* perte* peur* inquiet* inquiét* pleure* blessé* mort
    morts mourir tué* tue malade* malheur* regrett* désolé* scandale* scandaleu* impossible*
    jamais lent lente* fatigué* crise* menace* danger* pollution catastroph* guerre* détruit*
    détruire* inacceptable* chier marre gueule*

    mal malo mala malos malas peor* odio odia* horribles terrible* asco asqueros* enfad* enoj*
    furios* tristes triste tristeza decepci* decepcion* inútil* estúpid* idiota* tont* mierda*
    joder* puta* puto* feo fea roto rota fallo* falla* problema* error* estafa* mentira*
    mentiros* aburrid* vergüenza ridícul* perdid* perder miedo* llor* dolor* duele muert* morir
    mata* enferm* lástima arrepient* lento lenta* cansad* harto harta* asesin* cabrón* cabron*
    gilipollas imbécil* culpa* nunca pena peores basura

    schlecht* schlimm* schrecklich* furchtbar* hasse hass hasst ekel* ekl* nerv* nervt wütend*
    sauer traurig* enttäusch* nutzlos* dumm* idiotisch* scheiß* scheiss* kacke verdammt
    hässlich* falsch* kaputt* fehler* probleme* betrug* lüge* langweil* peinlich* verloren
    angst* wein* weh tot tod töt* krank* leider langsam* müde mist unverschämt* katastroph* fuck

    ruim péssim* pior* odeio ódio horrível* terrível* raiva nojo chato chata chateado* tristeza
    decepç* decepcion* inútil merda* porra caralho feio feia quebrado* erro* problema* golpe
    mentira* vergonha perdi medo* chor* dor* morr* morte* doente* lixo saco difícil

    cattiv* brutt* pessim* peggio* odio schifo* rabbia arrabbiat* delus* deluden* inutil*
    stupid* cazzo merda rotto sbagliat* errore* truffa* noios* vergogna perso paura piang*
    dolore* morto* morte malat* lento* stanco* purtroppo
"""
PLEASED_HAN = """
    好吃 好喝 好看 好用 不错 喜欢 很棒 太棒 真棒 赞 满意 谢谢 感谢 多谢 开心
    高兴 快乐 幸福 爱 完美 优秀 漂亮 美味 可口 推荐 支持 值得 惊喜 舒服 方便
    很快 挺快 超快 快速 迅速 准时 及时 热情 周到 耐心 新鲜 实惠 便宜 划算 厉害
    给力 很好 挺好 真好 太好了 非常好 超好 好评 最好 哈哈 期待 希望 加油 成功
    赢 有用 有帮助 明白了 解决了 辛苦 干净 量大 量足 味道好 香 鼓励 五星 点赞
    贴心 細心 喜歡 不錯 謝謝 開心
"""
DISPLEASED_HAN = """
    难吃 难喝 难看 难用 差 烂 垃圾 失望 讨厌 恶心 糟 生气 愤怒 后悔 骗 坑 慢
    太久 坏了 没用 无语 投诉 退款 退货 差评 伤心 难过 痛苦 害怕 担心 可怕 悲
    哭 死 傻 笨 蠢 滚 他妈 妈的 操 屁 破 错误 不对 不行 不好 不能 问题 失败
    无聊 浪费 贵 冷了 凉了 凉的 硬 馊 脏 虫 头发 拉肚子 少了 漏 洒 撒了 迟
    晚了 太晚 超时 没送 没有送 没给 送错 忘 敷衍 态度 太咸 太油 太辣 腻 腥 酸
    不新鲜 不熟 一般 不值 再也不 不会再 别再 取消 等了 小时 才送 才到 不满 抱歉
    累 烦 討厭 難 壞 騙 錯
"""
PLEASED_SIGNS = (
    "😀😃😄😁😆😅😂🤣😊😇🙂😉😌😍🥰😘😗😙😚😋😛😝😜🤗🤩🥳😎👍👏🙌🙏💪❤💕💖💗"
    "💙💚💛💜🧡♥💞💓💘🎉🎊✨🌟⭐💯🔥😻🤝✅☺☀🌞"
)
DISPLEASED_SIGNS = (
    "😞😔😟😕🙁☹😣😖😫😩🥺😢😭😤😠😡🤬😱😨😰😥😓🤢🤮😷💔👎😒🙄😑😐😾😿💩🖕☠💀😪😧😦😳🤦❌"
)
TURNING = """
    not no never n't without hardly barely isn aren wasn weren don doesn didn can cannot won wouldn
    couldn shouldn haven hasn hadn ain neither nor
    ne pas sans aucun aucune jamais
    sin nada nunca tampoco ni nadie
    nicht kein keine keinen nie ohne
    não nem sem nunca
    non senza mai nessun
"""
TURNED_WORDS = 3
"""How many words after one that turns are turned."""
SCANNED_CHARS_MAX = 1_000


class Valence(NamedTuple):
    """What a text holds: how many signs of being pleased and displeased, words and faces apart."""

    pleased: int
    displeased: int
    pleased_faces: int
    displeased_faces: int


def valence(text: str) -> Valence:
    """Counts in the first SCANNED_CHARS_MAX characters of a text."""
    text = text[:SCANNED_CHARS_MAX].lower().replace("’", "'")
    words = [0, 0]
    turned = 0
    for word in _WORD.findall(text):
        if word in _TURNING:
            turned = TURNED_WORDS
            continue
        mood = _mood(word)
        if mood is not None:
            words[mood != (turned > 0)] += 1
        turned -= turned > 0
    if not text.isascii():
        for found in _HAN.finditer(text):
            words[(found.lastgroup == "bad") != bool(found["turn"])] += 1
    faces = [0, 0]
    for face in _FACE.finditer(text):
        faces[face.lastgroup == "bad"] += 1
    return Valence(*words, *faces)


def _mood(word: str) -> bool | None:
    """Whether a word is of the displeased (True) or the pleased (False); None for neither."""
    known = _WHOLE.get(word)
    if known is not None:
        return known
    stem = _STEM.match(word)
    return None if stem is None else stem.lastgroup == "bad"


def _whole_words() -> dict[str, bool]:
    pleased = {word: False for word in PLEASED.split() if not word.endswith("*")}
    return pleased | {word: True for word in DISPLEASED.split() if not word.endswith("*")}


def _alternatives(words: str) -> str:
    return "|".join(re.escape(word) for word in sorted(words.split(), key=len, reverse=True))


def _stems(words: str) -> str:
    return _alternatives(" ".join(word[:-1] for word in words.split() if word.endswith("*")))


_WORD = re.compile(r"n't\b|[^\W\d_\u3000-\u9fff]+")
_WHOLE = _whole_words()
_TURNING = frozenset(TURNING.split())
_STEM = re.compile(f"(?P<good>{_stems(PLEASED)})|(?P<bad>{_stems(DISPLEASED)})")
_HAN = re.compile(
    f"(?P<turn>[不没沒别別無无])?[很太是会會那么麼]{{0,2}}"
    f"(?:(?P<good>{_alternatives(PLEASED_HAN)})|(?P<bad>{_alternatives(DISPLEASED_HAN)}))"
)
# Not within addresses, times or "note:please".
_FACE = re.compile(
    f"(?P<good>[{PLEASED_SIGNS}]|(?<![\\w/])[:;=]-?[)\\]dp](?![\\w/])|<3|\\^_?\\^|(?<!\\w)xd(?!\\w))"
    f"|(?P<bad>[{DISPLEASED_SIGNS}]|(?<![\\w/])(?:[:;=]'?-?[(\\[]|:-?/)(?![\\w/])|>:\\()"
)
