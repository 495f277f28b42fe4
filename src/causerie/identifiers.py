"""What personal identifiers look like in a text, and the arithmetic that tells look-alikes apart.

Every finder takes a text and yields the (start, end) of what it found, in order, never overlapping.
Finders read ASCII digits and punctuation: `privacy` folds other scripts before they see a text.
A pattern starts at the edge of a run and takes bounded pieces or the whole run (possessive
quantifiers), so the time grows with the length of the text and never faster. Most name their
first sign before they look back, for `re` then skips to it several times faster.
"""

import ipaddress
import re
from collections.abc import Iterator

Edges = tuple[int, int]

CONTEXT_BEFORE_CHARS = 40
CONTEXT_AFTER_CHARS = 20
_TO_LAST_DIGIT = re.compile(r".*\d", re.ASCII | re.DOTALL)

# Scripts written with spaces between words may stand in a local part or a domain; Chinese and
# Japanese may not, for there the address follows its sentence without a space.
_LETTER = "A-Za-z0-9\u00c0-\u024f\u0370-\u052f"
_EMAIL = re.compile(
    rf"(?<![{_LETTER}._%+'-])[{_LETTER}._%+'-]++"
    rf"@(?:[{_LETTER}]++(?:-++[{_LETTER}]++)*+\.)+"
    rf"(?:xn--[A-Za-z0-9-]++|[A-Za-z\u00c0-\u024f\u0370-\u052f]{{2,}}+)"
)
# `git@host` names a protocol's user and `icon@2x.png` a picture for a fine screen: nobody's mail.
_NOT_EMAIL = re.compile(r"git@|[^@]*@[1-4]x\.")

# A mark that the text must contain, and what the key looks like from there on. Marks are looked
# for as plain substrings, and only where the part that they share is there: most texts hold none.
_MARKS = {
    "_": {
        "ghp_": r"[A-Za-z0-9]{20,}+",
        "gho_": r"[A-Za-z0-9]{20,}+",
        "ghu_": r"[A-Za-z0-9]{20,}+",
        "ghs_": r"[A-Za-z0-9]{20,}+",
        "ghr_": r"[A-Za-z0-9]{20,}+",
        "github_pat_": r"[A-Za-z0-9_]{20,}+",
        "hf_": r"[A-Za-z0-9]{30,}+",
        "sk_": r"(?:live|test)_[A-Za-z0-9]{16,}+",
        "rk_": r"(?:live|test)_[A-Za-z0-9]{16,}+",
    },
    "-": {
        "sk-": r"[A-Za-z0-9_-]{16,}+",
        "xox": r"[abeoprs]-[A-Za-z0-9-]{10,}+",
        "glpat-": r"[A-Za-z0-9_-]{20,}+",
        "-----BEGIN": r"(?: [A-Z]+)* PRIVATE KEY-----"
        # Not possessive: before Python 3.11.5 a possessive group of alternatives may lose its end.
        r"(?:[\w+/=\s,:]|-(?!----))*(?:-----END[A-Z ]*+-----)?",
    },
    "IA": {
        "AKIA": r"[A-Z0-9]{16}(?![A-Za-z0-9])",
        "ASIA": r"[A-Z0-9]{16}(?![A-Za-z0-9])",
    },
    "AIza": {"AIza": r"[A-Za-z0-9_-]{30,}+"},
    "eyJ": {"eyJ": r"[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+"},
}
_KEYS = tuple(
    (part, mark, re.compile(rf"{mark}(?<![A-Za-z0-9]{mark}){rest}", re.ASCII))
    for part, marks in _MARKS.items()
    for mark, rest in marks.items()
)
_BEARER = re.compile(r"bearer[ \t]++([A-Za-z0-9._~+/=-]{16,}+)", re.IGNORECASE | re.ASCII)
# `$USER:$PASSWORD` and `{user}:{password}` are filled in elsewhere: they give nothing away.
_CREDENTIALS = re.compile(r"://([^\s/@:\"'<>${]++:(?![${<])[^\s/@\"'<>]++)@")
# `sk-fading-circle-dot` is a style sheet: a key has a long stretch of letters and digits in it.
_RANDOM = re.compile(r"[A-Za-z0-9]{20}|(?=[A-Za-z]{0,11}\d)[A-Za-z0-9]{12}", re.ASCII)

_CARD = re.compile(
    r"\d(?<![A-Za-z0-9_]\d)(?<!\d[.,-]\d)(?<![0-9A-Fa-f]{4}-\d)"
    r"(?:\d{11,18}"
    r"|\d{3}([ .-]{1,3})\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?"
    r"|\d{3}([ .-]{1,3})\d{6}\2\d{4,5})"
    r"(?![A-Za-z0-9_])(?![.,-]\d)",
    re.ASCII,
)
# Visa, Mastercard, American Express, Discover, JCB, Diners, UnionPay, Mir, Troy in today's lengths.
_CARD_BRAND = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|62\d{14,17}|220[0-4]\d{12}|9792\d{12}"
)
_CARD_CONTEXT = re.compile(
    r"card|credit|d[eé]bit|visa|amex|american express|discover|maestro|\bcc\b|carte|tarjeta|karte"
    r"|cart[aã]o|carta\b|卡|カード|карт",
    re.IGNORECASE,
)
_LUHN_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

_IBAN_HEAD = re.compile(
    r"\d(?<=[A-Za-z]{2}\d)(?<![A-Za-z0-9][A-Za-z]{2}\d)\d[ -]?[A-Za-z0-9]{4}", re.ASCII
)
# Country and length in characters, after the registry of ISO 13616.
_IBAN_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d{2})",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 "
        "DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 "
        "IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 "
        "MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 "
        "SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30",
    )
}

_NATIONAL_INSURANCE = re.compile(
    r"\d(?:(?<=[A-Za-z]{2}\d)|(?<=[A-Za-z]{2}[ -]\d))\d[ -]?\d{2}[ -]?\d{2}[ -]?[A-Da-d]"
    r"(?![A-Za-z0-9_])",
    re.ASCII,
)
_NATIONAL_INSURANCE_PREFIX = re.compile(
    r"(?<![A-Za-z0-9_])(?!BG|GB|NK|KN|TN|NT|ZZ)([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z])([ -]?)\Z",
    re.IGNORECASE | re.ASCII,
)
_NATIONAL_INSURANCE_CONTEXT = re.compile(r"insurance|\bnino?\b|\bni\b", re.IGNORECASE)
# "at 12 30 45 a" is a sentence: these prefixes need a word that speaks of insurance.
_SHORT_WORDS = re.compile("a[mnst]|b[ey]|ce|e[lnrs]|he|ja|l[ae]|m[ey]|o[nr]|se|we")

_SSN = re.compile(
    r"\d(?<![A-Za-z0-9_]\d)(?<!\d[.,-]\d)\d\d([ -])\d\d\1\d{4}(?![A-Za-z0-9_]|[.,-]\d)", re.ASCII
)
_TAXPAYER_GROUPS = frozenset(
    str(group) for group in (*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100))
)
_SSN_CONTEXT = re.compile(r"\bssns?\b|social security|\bitin\b|tax(?:payer)? id", re.IGNORECASE)

_IPV4 = re.compile(
    r"\d(?<![A-Za-z0-9_.]\d)\d{0,2}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![A-Za-z0-9_]|\.\w)", re.ASCII
)
_IPV6 = re.compile(
    r"[0-9A-Fa-f:](?<![A-Za-z0-9_.][0-9A-Fa-f:])[0-9A-Fa-f:.]{2,60}+(?![A-Za-z0-9_])", re.ASCII
)
_IP_CONTEXT = re.compile(
    r"\bip\b|ipv[46]|ip[_ ]|_ip\b|address|\bhost|server|gateway|subnet|\bdns\b|\bping|\bssh\b"
    r"|\blogin|//\Z|@\Z|adresse|direcci[oó]n|地址|アドレス|服务器",
    re.IGNORECASE,
)
_IP_PORT_OR_MASK = re.compile(r":\d{2,5}\b|/\d{1,2}\b")
_WORDS = re.compile(r"[^\W\d_]|[/@]")
_VERSION_BEFORE = re.compile(
    r"(?:\bv|\bver\.?|versions?|versión|release|build|firmware|update|chapter|section|§|版本|[=~<>]=|~>"
    r"|(?-i:\b[A-Z][A-Za-z]{1,30}/))"
    r"(?: (?:is|of|to|from))?[\s:]*\Z",
    re.IGNORECASE,
)


def api_keys(text: str) -> Iterator[Edges]:
    """Keys and tokens of known shape, bearer tokens, and the user:password of a URL."""
    yield from _apart(sorted(_keys(text)))


def may_hold_key(text: str) -> bool:
    """Whether a mark of a key is in the text; far cheaper than looking for the keys."""
    for part, marks in _MARKS.items():
        if part in text and any(mark in text for mark in marks):
            return True
    return False


def may_hold_bearer(text: str) -> bool:
    """Whether the word before a bearer token is in the text, capital or not."""
    return "earer" in text or "EARER" in text


def _keys(text: str) -> Iterator[Edges]:
    for part, mark, pattern in _KEYS:
        if part in text and mark in text:
            for match in pattern.finditer(text):
                if mark != "sk-" or _RANDOM.search(match.group(), len(mark)):
                    yield match.span()
    if may_hold_bearer(text):
        for match in _BEARER.finditer(text):
            if _RANDOM.search(match.group(1)) and _has_digit(match.group(1)):
                yield match.span(1)
    if "://" in text and "@" in text:
        for match in _CREDENTIALS.finditer(text):
            yield match.span(1)


def emails(text: str) -> Iterator[Edges]:
    """E-mail addresses, with or without spaces around them."""
    if "@" not in text:
        return
    for match in _EMAIL.finditer(text):
        written = match.group()
        if not _NOT_EMAIL.match(written):
            start = match.end() - len(written.lstrip(".'-%+"))
            if text[start] != "@":
                yield start, match.end()


def cards(text: str) -> Iterator[Edges]:
    """Payment card numbers that satisfy Luhn; beside a word such as "card", of any brand."""
    for match in _CARD.finditer(text):
        in_context = near(text, match.start(), match.end(), _CARD_CONTEXT)
        for end in _card_ends(match):
            if is_card(_digits(text[match.start() : end]), in_context):
                yield match.start(), end
                break


def _card_ends(match: re.Match[str]) -> tuple[int, ...]:
    """The whole match and, for five groups, the first four: the fifth may be the card's code."""
    separator = match.group(1)
    if separator is None or match.end() - match.start() < 19 + 3 * len(separator):
        return (match.end(),)
    return match.end(), match.end() - 3 - len(separator)


def is_card(digits: str, in_context: bool) -> bool:
    """Whether 12 to 19 digits are a card; in_context admits rare brands and lengths."""
    if digits[0] == "0" or not luhn(digits):
        return False
    return in_context or _CARD_BRAND.fullmatch(digits) is not None


def luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812."""
    plain = sum(int(digit) for digit in digits[-1::-2])
    return (plain + sum(_LUHN_DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def ibans(text: str) -> Iterator[Edges]:
    """International bank account numbers of a known country and length, mod 97 right."""
    for match in _IBAN_HEAD.finditer(text):
        start = match.start() - 2
        length = _IBAN_LENGTHS.get(text[start : start + 2].upper())
        if length is None:
            continue
        end = _end_of_account(text, start, length)
        if end is not None and mod97(text[start:end]):
            yield start, end


def _end_of_account(text: str, start: int, length: int) -> int | None:
    """Where `length` letters and digits with at most one space or dash between them end."""
    at, seen, gap = start, 0, False
    while seen < length and at < len(text):
        character = text[at]
        if character.isascii() and character.isalnum():
            seen, gap = seen + 1, False
        elif character in " -" and not gap:
            gap = True
        else:
            return None
        at += 1
    after = text[at : at + 1]
    return at if seen == length and not (after.isascii() and after.isalnum()) else None


def mod97(account: str) -> bool:
    """The check digits of ISO 7064 as IBAN uses them; spaces and dashes are passed over."""
    plain = account.replace(" ", "").replace("-", "")
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def national_insurance_numbers(text: str) -> Iterator[Edges]:
    """UK National Insurance numbers, any case, with or without spaces, of an allotted prefix."""
    for match in _NATIONAL_INSURANCE.finditer(text):
        prefix = _NATIONAL_INSURANCE_PREFIX.search(text, max(0, match.start() - 4), match.start())
        if prefix is None:
            continue
        is_word = prefix.group(2) == " " and _SHORT_WORDS.match(prefix.group(1))
        if not is_word or near(text, prefix.start(), match.end(), _NATIONAL_INSURANCE_CONTEXT):
            yield prefix.start(), match.end()


def social_security_numbers(text: str) -> Iterator[Edges]:
    """US social security numbers ddd-dd-dddd of a possible area; with spaces only in context."""
    for match in _SSN.finditer(text):
        area, group, serial = re.split("[ -]", match.group())
        dashed = match.group(1) == "-"
        if is_social_security(area, group, serial) and (
            dashed or near(text, match.start(), match.end(), _SSN_CONTEXT)
        ):
            yield match.span()


def is_social_security(area: str, group: str, serial: str) -> bool:
    """Whether the number can be issued; 9xx areas hold taxpayer numbers of certain groups only."""
    if area in ("000", "666") or group == "00" or serial == "0000":
        return False
    return area[0] != "9" or group in _TAXPAYER_GROUPS


def ip_addresses(text: str) -> Iterator[Edges]:
    """IPv4 and IPv6 addresses; not loopback, masks, version numbers or clock times."""
    yield from _apart(sorted([*_ipv6(text), *_ipv4(text)]))


def _ipv4(text: str) -> Iterator[Edges]:
    for match in _IPV4.finditer(text):
        written = match.group().split(".")
        octets = [int(octet) for octet in written]
        if any(len(octet) > 1 and octet[0] == "0" for octet in written):
            continue
        if _belongs_to_someone(octets) and _reads_as_address(text, match, octets):
            yield match.span()


def _belongs_to_someone(octets: list[int]) -> bool:
    """Whether a host can have it: not 0.x, loopback, link-local, multicast or a net mask."""
    return (
        max(octets) <= 255 and 0 < octets[0] < 224 and octets[0] != 127 and octets[:2] != [169, 254]
    )


def _reads_as_address(text: str, match: re.Match[str], octets: list[int]) -> bool:
    """An address says so, or is shaped as no version number is: 10.x, or a part of three digits."""
    start, end = match.span()
    if _VERSION_BEFORE.search(text, words_before(text, start), start):
        return False
    if octets[0] == 10 or max(octets) >= 100 or sum(octet > 9 for octet in octets) >= 3:
        return True
    if _IP_PORT_OR_MASK.match(text, end):
        return True
    earliest = max(0, start - CONTEXT_BEFORE_CHARS)
    # Letters are looked for first: a table of version numbers has none, and is soon read.
    return bool(_WORDS.search(text, earliest, start) and _IP_CONTEXT.search(text, earliest, start))


def _ipv6(text: str) -> Iterator[Edges]:
    if "::" not in text and text.count(":") < 7:
        return
    for match in _IPV6.finditer(text):
        written = match.group().rstrip(".")
        written = written if written.endswith("::") else written.rstrip(":")
        if _is_ipv6(written):
            yield match.start(), match.start() + len(written)


def _is_ipv6(written: str) -> bool:
    """All eight groups, or a shortened address that starts as allotted ones do (not `A::B`)."""
    head = written.partition(":")[0]
    if len(written) > 45 or written.count(":") < 2:
        return False
    if "::" in written and not (len(head) == 4 and head[0] in "23fF" and _has_digit(written)):
        return False
    try:
        address = ipaddress.IPv6Address(written)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _apart(found: list[Edges]) -> Iterator[Edges]:
    """Of those that overlap the first alone."""
    last = 0
    for start, end in found:
        if start >= last:
            last = end
            yield start, end


def words_before(text: str, start: int) -> int:
    """Where the words right before text[start] begin: they do not reach across other digits."""
    earliest = max(0, start - CONTEXT_BEFORE_CHARS)
    digit = _TO_LAST_DIGIT.match(text, earliest, start)
    return digit.end() if digit else earliest


def near(text: str, start: int, end: int, words: re.Pattern[str]) -> bool:
    """Whether one of the words stands shortly before or after text[start:end]."""
    return (
        words.search(text, max(0, start - CONTEXT_BEFORE_CHARS), start) is not None
        or words.search(text, end, end + CONTEXT_AFTER_CHARS) is not None
    )


def _has_digit(written: str) -> bool:
    return any(sign.isdigit() for sign in written)


def _digits(written: str) -> str:
    return "".join(sign for sign in written if sign.isdigit())
