"""Numbers of a person's papers: national ids that prove themselves, passports and dates of birth
that a word before them names. Finders like those of `identifiers`.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date

from causerie.identifiers import CONTEXT_BEFORE_CHARS, Edges

_EDGE = r"(?![A-Za-z0-9_]|[.,-]\d)"
_CHINESE = re.compile(r"\d(?<![A-Za-z0-9_.-]\d)\d{16}[\dXx](?![A-Za-z0-9_])", re.ASCII)
_CHINESE_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_FRENCH = re.compile(
    r"[1278](?<![A-Za-z0-9_.,-][1278]) ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB])"
    rf" ?\d{{3}} ?\d{{3}} ?\d\d{_EDGE}",
    re.ASCII,
)
_SPANISH = re.compile(r"[XYZ\d](?<![A-Za-z0-9_.,-][XYZ\d])[ -]?\d{7}[ -]?[A-HJ-NP-TV-Z]" + _EDGE)
_SPANISH_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_ITALIAN = re.compile(
    r"[A-Za-z](?<![A-Za-z0-9_][A-Za-z])[A-Za-z]{5}\d\d[A-EHLMPRSTa-ehlmprst]\d\d[A-Za-z]\d{3}[A-Za-z]"
    r"(?![A-Za-z0-9_])",
    re.ASCII,
)
# fmt: off
_ITALIAN_ODD = (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
)
# fmt: on
_BRAZILIAN = re.compile(
    r"\d(?<![A-Za-z0-9_.,-]\d)(?:\d\d\.\d{3}\.\d{3}-\d\d|\d{10})(?![A-Za-z0-9_]|[.,-]\d)", re.ASCII
)
_BRAZILIAN_WORD = re.compile(r"\bcpf\b", re.IGNORECASE)
_GERMAN = re.compile(
    r"\d(?<![A-Za-z0-9_.,-]\d)\d ?\d{3} ?\d{3} ?\d{3}(?![A-Za-z0-9_]|[.,-]\d)", re.ASCII
)
_GERMAN_WORD = re.compile(r"steuer-?id|steuerident|steuerliche id|\bidnr\b|\btin\b", re.IGNORECASE)

# A part that each of them but the German one has: most texts with numbers in them have none.
_NUMBER_OF_SOME = re.compile(
    r"\d(?:\d{6}|\d\.\d{3}\.\d{3}-| ?\d\d ?\d\d |\d[A-Za-z]\d\d[A-Za-z]\d{3})", re.ASCII
)

# Of a passport nothing can be checked: a word must name it, and nothing may stand between.
_PASSPORT = re.compile(
    r"(?:\bpassport|\bpasseport|\bpasaporte|\bpassaporto?e?|\breisepass|\bpaspoort|\bpaszport\w{0,2}"
    r"|\bпаспорт\w{0,2}|护照|護照|パスポート)"
    r"(?:[ -]?(?:(?:number|num|no|nr|nummer|numéro|número|numero|номер)\b\.?"
    r"|n°|nº|号码|號碼|号|番号))?"
    r"(?: ?(?:(?:is|est|es|ist|è|é)\b|是|为|は) ?)?[\s:：#=]{0,3}"
    r"((?=[A-Z]{0,3}[0-9]{2}|[0-9])[A-Z0-9]{6,12})(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_PASSPORT_CUES: tuple[str, ...] = (
    "asspo",
    "ASSPO",
    "assepo",
    "assapo",
    "isepass",
    "asapo",
    "aspoo",
    "aszpo",
)
_PASSPORT_CUES += ("аспо", "护照", "護照", "パスポ")
_DAY = (
    r"(?:(?:19|20)\d\d ?[-./年] ?\d{1,2} ?[-./月] ?\d{1,2}日?"
    r"|\d{1,2}[-./]\d{1,2}[-./](?:19|20)?\d\d"
    r"|\d{1,2}(?:st|nd|rd|th|er|\.)?(?: de| of)? [^\W\d_]{3,12}\.?,?(?: de)? (?:19|20)\d\d"
    r"|[^\W\d_]{3,12}\.? \d{1,2}(?:st|nd|rd|th)?,? (?:19|20)\d\d)"
)
_BIRTH = re.compile(
    r"(?:\b(?:date of birth|birth ?date|d\.?o\.?b\.?|date de naissance|fecha de nacimiento"
    r"|geburtsdatum|geboortedatum|data di nascita|data de nascimento|data urodzenia|дата рождения"
    r"|doğum tarihi)|出生日期|生年月日|생년월일)[ \t]?(?:is|est|es|ist|è|é|是|为|は)?[\s:：=]{0,3}"
    rf"({_DAY})"
    rf"|\b(?:i was born on|i['’]m born on|je suis née? le|nací el|ich bin am|sono nat[oa] il"
    rf"|nasci (?:em|a|no dia)|née? le ?:|nacid[oa] el ?:|geboren am ?:) ({_DAY})",
    re.IGNORECASE,
)
# Parts of all the words above, without their first letters: a capital is no other word.
_CUES: tuple[str, ...] = ("irth", "orn on", "aiss", "acim", "acid", "asci", "eburtsd", "eboorted")
_CUES += ("oren am", "bin am", "ono nat", "a urodz", "dob", "DOB", "o.b", "O.B", "é le", "ée le")
_CUES += ("ací el", "рожд", "oğum", "出生", "生年", "생년")
_ASCII_CUES = tuple(cue for cue in _CUES if cue.isascii())


def national_ids(text: str) -> Iterator[Edges]:
    """Resident, social and tax numbers of people whose check digits are right."""
    found = list(_german(text)) if "teuer" in text or "TIN" in text or "IdNr" in text else []
    if _NUMBER_OF_SOME.search(text):
        found += [
            *_fitting(_CHINESE, text, is_chinese),
            *_fitting(_FRENCH, text, is_french),
            *_fitting(_SPANISH, text, is_spanish),
            *_fitting(_ITALIAN, text, is_italian),
            *_brazilian(text),
        ]
    last = 0
    for start, end in sorted(found):
        if start >= last:
            last = end
            yield start, end


def _fitting(
    pattern: re.Pattern[str], text: str, is_right: Callable[[str], bool]
) -> Iterator[Edges]:
    for match in pattern.finditer(text):
        if is_right(_plain(match.group())):
            yield match.span()


def _brazilian(text: str) -> Iterator[Edges]:
    for match in _BRAZILIAN.finditer(text):
        grouped = "." in match.group()
        if is_brazilian(_plain(match.group())) and (
            grouped or _said_before(text, match.start(), _BRAZILIAN_WORD)
        ):
            yield match.span()


def _german(text: str) -> Iterator[Edges]:
    for match in _GERMAN.finditer(text):
        if is_german(_plain(match.group())) and _said_before(text, match.start(), _GERMAN_WORD):
            yield match.span()


def _said_before(text: str, start: int, words: re.Pattern[str]) -> bool:
    return words.search(text, max(0, start - CONTEXT_BEFORE_CHARS), start) is not None


def _plain(written: str) -> str:
    return "".join(sign for sign in written if sign.isalnum()).upper()


def is_chinese(number: str) -> bool:
    """Resident identity card: a region, a day of birth, ISO 7064 mod 11-2."""
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    weighed = sum(w * int(sign) for w, sign in zip(_CHINESE_WEIGHTS, number[:17], strict=True))
    region = 11 <= int(number[:2]) <= 91
    return region and 1900 <= born.year <= 2100 and "10X98765432"[weighed % 11] == number[17]


def is_french(number: str) -> bool:
    """Numéro de sécurité sociale: month and key, Corsica's departments as numbers."""
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return len(number) == 15 and body.isdigit() and 97 - int(body) % 97 == int(number[13:])


def is_spanish(number: str) -> bool:
    """DNI and NIE: the letter follows from the digits."""
    digits = str("XYZ".find(number[0])) + number[1:8] if number[0] in "XYZ" else number[:8]
    return len(number) == 9 and _SPANISH_LETTERS[int(digits) % 23] == number[8]


def is_italian(number: str) -> bool:
    """Codice fiscale: the last letter follows from the other fifteen signs."""
    total = 0
    for index, sign in enumerate(number[:15]):
        value = int(sign) if sign.isdigit() else ord(sign) - ord("A")
        total += value if index % 2 else _ITALIAN_ODD[value]
    return chr(ord("A") + total % 26) == number[15]


def is_brazilian(number: str) -> bool:
    """CPF: two check digits mod 11; eleven equal digits are none."""
    digits = [int(sign) for sign in number]
    if len(set(digits)) == 1:
        return False
    for size in (9, 10):
        weighed = sum(d * w for d, w in zip(digits[:size], range(size + 1, 1, -1), strict=True))
        if weighed * 10 % 11 % 10 != digits[size]:
            return False
    return True


def is_german(number: str) -> bool:
    """Steuer-Identifikationsnummer: no zero first, ISO 7064 mod 11,10."""
    product = 10
    for sign in number[:10]:
        product = ((int(sign) + product) % 10 or 10) * 2 % 11
    return number[0] != "0" and (11 - product) % 10 == int(number[10])


def passports(text: str) -> Iterator[Edges]:
    """Passport numbers that are called so."""
    if not _has_one(_PASSPORT_CUES, text):
        return
    for match in _PASSPORT.finditer(text):
        if sum(sign.isdigit() for sign in match.group(1)) >= 4:
            yield match.span(1)


def may_hold_birth(text: str) -> bool:
    """Whether an ASCII text has a word that may stand before a day of birth."""
    return ("19" in text or "20" in text) and _has_one(_ASCII_CUES, text)


def _has_one(cues: tuple[str, ...], text: str) -> bool:
    for cue in cues:  # noqa: SIM110 - any() takes twice as long, and every message comes by here
        if cue in text:
            return True
    return False


def birth_dates(text: str) -> Iterator[Edges]:
    """Days on which somebody says to be born, or that a form calls so; not those of history."""
    if _has_one(_CUES, text):
        for match in _BIRTH.finditer(text):
            yield match.span(1) if match.group(1) else match.span(2)
