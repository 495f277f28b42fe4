"""Phone numbers in running text: a cheap pattern proposes, the numbering plans of `phonenumbers`
and the words around decide.

The plans (which digits a country has handed out) are read when the first candidate turns up, so a
program that meets none never pays for the import. A candidate costs microseconds: its digits are
matched against one compiled pattern per country.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from causerie.identifiers import Edges, words_before

if TYPE_CHECKING:
    from phonenumbers import PhoneMetadata

# Where the languages of the house are spoken most: en fr es zh de it pt nl pl ru tr ja ko.
# fmt: off
REGIONS = (
    "US", "GB", "FR", "ES", "CN", "DE", "AU", "NZ", "IE", "CH", "AT", "BE", "NL", "LU", "IT", "PT",
    "BR", "MX", "AR", "CO", "CL", "PE", "PL", "RU", "TR", "JP", "KR", "TW", "HK",
)
# fmt: on
DIGITS_MIN = 7
DIGITS_MAX = 15  # ITU-T E.164

_RUN = re.compile(
    r"[+(\d](?<![A-Za-z0-9_][+(\d])(?<!\d[.,:/-][+(\d])(?<![0-9A-Fa-f]{4}-[+(\d])"
    r"(?=[ (]{0,2}\d?(?:[ .\-/()]{0,2}\d){6})"
    r"(?:(?<=\+) ?\(?\d++|(?<=\()\d++|(?<=\d)\d*+)(?:(?:[ .\-/]|\) ?|\)-| ?\(|-\()\d++)*+"
    r"(?: ?(?:x|ext\.?|extension|poste|转) ?\d{1,6}+)?"
    r"(?![A-Za-z0-9_]|[:,.%]\d|-[0-9A-Fa-f]{4}|%)",
    re.ASCII,
)
_EXTENSION = re.compile(r" ?(?:x|ext|poste|转)")

# What may stand inside a run that is too long or of no plan: two numbers side by side.
_PART = re.compile(
    r"(?<!\d)(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[.-]\d{4}(?!\d)"
    r"|(?<!\d)0\d([ .-])\d\d\1\d\d\1\d\d\1\d\d(?!\d)"
    r"|(?<![\d.-])\d{7,15}(?![\d.-])",
    re.ASCII,
)
# So firmly grouped that an area code which nobody has yet is no reason to let it stand.
_NORTH_AMERICAN_FIRM = re.compile(
    r"(?:1[ .-])?(?:\([2-9]\d\d\)[ -]?|[2-9]\d\d-)\d{3}-\d{4}", re.ASCII
)
_NORTH_AMERICAN = re.compile(r"(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}", re.ASCII)
_GROUPED = re.compile(
    r"\(?0[1-9]\d{0,4}\)?[ ./-].*"
    r"|1\d\d([ -])\d{4}\1\d{4}"
    r"|\d{3}([ .-])\d\d\2\d\d\2\d\d"
    r"|\d\d([ .-])\d{3}\3\d\d\3\d\d"
    r"|\(\d\d\) ?9?\d{4}-\d{4}|\d\d 9\d{4}-\d{4}"  # Brazil
    r"|8[ -]?\(?\d{3}\)?[ -]\d{3}[ -]\d\d[ -]?\d\d"  # Russia
    r"|3\d\d([ .-])\d{7}|3\d\d([ .-])\d{3}\5\d{4}"  # Italy
    r"|[4-8]\d\d-\d{3}-\d{3}",  # Poland
    re.ASCII,
)
# Dates, hours, dotted quads and social security numbers have as many digits as a phone number.
_NOT_PHONE = re.compile(
    r"(?:19|20)\d\d([./-])\d\d?\1\d\d?(?: .*)?"
    r"|\d\d?([./-])\d\d?\2(?:19|20)\d\d(?: .*)?"
    r"|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d"
    r"|[012]\d[0-5]\d ?- ?[012]\d[0-5]\d"
    r"|\d{1,3}(?:\.\d{1,3}){3}"
    r"|\d{3}-\d\d-\d{4}"
    r"|\d{5}-\d{4}",
    re.ASCII,
)
_COUNTED = re.compile(r"0\d(?:[ .-]0\d)+")

_LABEL_BEFORE = re.compile(
    r"(?:\b(?:tele)?phone|\btel\b|\bmobile|\bmob\b|\bcell|\bfax|\bdesk\b|\bhotline|\blandline"
    r"|\bcall(?:ed|ing)?\b|\bdial|\bring\b|\btext (?:me|him|her|us|them)\b|\bsms\b|whats ?app"
    r"|\breach(?:ed|ing)?\b|\bcontact|\banswer(?:ing|s)? at|\bmessages? to"
    r"|\b(?:my|his|her|our|your|their) (?:new |other |private |work |home )?number"
    r"|t[eé]l[eé]phone|\bportable\b|\bappel|\bnum[eé]ro de t|joindre"
    r"|tel[eé]fono|\bm[oó]vil\b|celular|ll[aá]m[ae]"
    r"|telefon|\bhandy|rufnummer|\banruf"
    r"|telem[oó]vel|cellulare|телефон"
    r"|电话|電話|手机|手機|携帯|号码|號碼|热线)"
    r"[^\d\n]{0,20}\n?[^\d\n]{0,3}\Z",
    re.IGNORECASE,
)
_LABEL_AFTER = re.compile(
    r" ?[-(]? ?(?:office|fax|mobile|cell|landline)(?:\Z|[\s\\]*[\n,;.)|\\])", re.IGNORECASE
)
_NOT_PHONE_BEFORE = re.compile(
    r"(?:\bisbn|\bissn|\border|\binvoice|\bref(?:erence)?|\bticket|\btracking|\bsku|\bserial"
    r"|\bimei|\bean|\bupc|\bdoi|\barxiv|\bpmid|\baccount|\bpatent|\bcase|\bid|\bmodel|\bpart"
    r"|订单号?|单号|编号|[#$€£¥₹=])"
    r"\W{0,3}(?:number|num|no|nr|code|id|is)?[\s.:#=-]{0,3}\Z"
    r"|[A-Za-z][/-]\Z",
    re.IGNORECASE,
)
_PRICE_AFTER = re.compile(r" ?(?:[€£$¥%₹]|usd|eur|gbp|cny|dollars?|euros?|元|円)", re.IGNORECASE)


class _Plan(NamedTuple):
    """What a calling code has handed out, without trunk prefix."""

    trunk: str
    lengths: frozenset[int]
    valid: re.Pattern[str]
    mobile: re.Pattern[str] | None  # None where mobiles have no range of their own


class PhoneNumbers:
    """Finds phone numbers: written internationally, or as the given regions write them."""

    def __init__(self, regions: Sequence[str]) -> None:
        self._regions = tuple(regions)
        self._plans: dict[int, _Plan] = {}

    def find(self, text: str) -> Iterator[Edges]:
        """The (start, end) of each number, its extension included."""
        for match in _RUN.finditer(text):
            if self._is_phone(text, match.start(), match.end()):
                yield match.span()
            else:
                yield from self._parts(text, match.start(), match.end())

    def _parts(self, text: str, start: int, end: int) -> Iterator[Edges]:
        for part in _PART.finditer(text, start, end):
            if part.span() != (start, end) and self._is_phone(text, *part.span()):
                yield part.span()

    def _is_phone(self, text: str, start: int, end: int) -> bool:
        written = _EXTENSION.split(text[start:end], maxsplit=1)[0]
        digits = _dialled(written)
        if not DIGITS_MIN <= len(digits) <= DIGITS_MAX or len(set(digits)) == 1:
            return False
        if _NOT_PHONE.fullmatch(written) or _COUNTED.fullmatch(written):
            return False
        if _PRICE_AFTER.match(text, end):
            return False
        words = words_before(text, start)
        if _LABEL_BEFORE.search(text, words, start):
            return True
        if written[0] == "+" or _LABEL_AFTER.match(text, end):
            return written[0] != "+" or self._is_international(digits, _is_grouped(written))
        if _NOT_PHONE_BEFORE.search(text, words, start):
            return False
        return self._is_unlabelled(written, digits)

    def _is_unlabelled(self, written: str, digits: str) -> bool:
        """Whether the digits alone, and how they are grouped, make a phone number."""
        if _is_dull(digits):
            return False
        if not _is_grouped(written):
            return self._is_mobile(digits)
        if digits.startswith("00"):
            return self._is_international(digits[2:], False)
        if _NORTH_AMERICAN.fullmatch(written):
            firm = _NORTH_AMERICAN_FIRM.fullmatch(written) is not None
            if 1 in self._codes and (firm or self._is_national(1, digits)):
                return True
        if _GROUPED.fullmatch(written) is None:
            return False
        return any(self._is_national(code, digits) for code in self._codes if code != 1)

    def _is_international(self, digits: str, grouped: bool) -> bool:
        """A known calling code and a number handed out; when grouped, the length will do."""
        from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

        for size in (1, 2, 3):
            code, national = int(digits[:size]), digits[size:]
            if code in COUNTRY_CODE_TO_REGION_CODE:
                plan = self._plan(code)
                if plan.valid.fullmatch(national):
                    return True
                return grouped and len(national) in plan.lengths
        return False

    def _is_national(self, code: int, digits: str) -> bool:
        """Handed out in this country, and written with its trunk prefix if that is a zero."""
        plan = self._plan(code)
        if plan.trunk and digits.startswith(plan.trunk):
            return plan.valid.fullmatch(digits[len(plan.trunk) :]) is not None
        if plan.trunk == "0":
            return self._is_mobile_of(plan, digits)
        return plan.valid.fullmatch(digits) is not None

    def _is_mobile(self, digits: str) -> bool:
        """Digits in one piece are taken for a phone only where mobiles have their own range."""
        return any(
            self._is_mobile_of(self._plan(code), digits) for code in self._codes if code != 1
        )

    def _is_mobile_of(self, plan: _Plan, digits: str) -> bool:
        """With the trunk prefix from ten digits on, without it from eleven (China)."""
        if plan.mobile is None or len(digits) < 10:
            return False
        if plan.trunk and digits.startswith(plan.trunk):
            return plan.mobile.fullmatch(digits[len(plan.trunk) :]) is not None
        return len(digits) == 11 and plan.mobile.fullmatch(digits) is not None

    @cached_property
    def _codes(self) -> tuple[int, ...]:
        """The calling codes of the regions, each once, in their order."""
        from phonenumbers import country_code_for_region

        codes = (country_code_for_region(region) for region in self._regions)
        return tuple(dict.fromkeys(code for code in codes if code))

    def _plan(self, code: int) -> _Plan:
        # Two threads may read the same plan at once; they read the same thing.
        plan = self._plans.get(code)
        if plan is None:
            plan = self._plans[code] = _read_plan(code)
        return plan


def _read_plan(code: int) -> _Plan:
    """One plan for all regions that share the calling code."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    sheets = [PhoneMetadata.metadata_for_region_or_calling_code(code, name) for name in regions]
    known = [sheet for sheet in sheets if sheet is not None]
    main = known[0]
    mobile = None if main.mobile is None else main.mobile.national_number_pattern
    fixed = None if main.fixed_line is None else main.fixed_line.national_number_pattern
    lengths = () if main.general_desc is None else main.general_desc.possible_length
    return _Plan(
        main.national_prefix or "",
        frozenset(lengths),
        re.compile("|".join(_handed_out(known))),
        re.compile(mobile) if mobile and mobile != fixed else None,
    )


def _handed_out(sheets: Sequence["PhoneMetadata"]) -> Iterator[str]:
    """The patterns of every kind of line; the general one also fits numbers of nobody."""
    for sheet in sheets:
        lines = (sheet.fixed_line, sheet.mobile, sheet.toll_free, sheet.premium_rate)
        others = (sheet.shared_cost, sheet.voip, sheet.personal_number, sheet.pager, sheet.uan)
        for line in lines + others:
            if line is not None and line.national_number_pattern:
                yield line.national_number_pattern


def _dialled(written: str) -> str:
    """Digits only, without the (0) that is left out when dialling from abroad."""
    if written[0] == "+":
        written = written.replace("(0)", "")
    return "".join(sign for sign in written if sign.isdigit())


def _is_grouped(written: str) -> bool:
    return not written.lstrip("+ ").isdigit()


def _is_dull(digits: str) -> bool:
    """Keyboard rows and bit strings are examples, not the numbers of a person."""
    return set(digits) <= {"0", "1"} or digits in "01234567890123456789"
