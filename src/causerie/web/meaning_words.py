"""What is understood, in words: languages, moods, what people and assistants did."""

from __future__ import annotations

from causerie.web.speech import speech
from causerie.wording import say, say_in

UNKNOWN_LANGUAGE = say("No language that is known")
LANGUAGES = {
    "af": "Afrikaans",
    "am": "Amharic",
    "an": "Aragonese",
    "ar": "Arabic",
    "as": "Assamese",
    "az": "Azerbaijani",
    "be": "Belarusian",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "br": "Breton",
    "bs": "Bosnian",
    "ca": "Catalan",
    "cs": "Czech",
    "cy": "Welsh",
    "da": "Danish",
    "de": "German",
    "dz": "Dzongkha",
    "el": "Greek",
    "en": "English",
    "eo": "Esperanto",
    "es": "Spanish",
    "et": "Estonian",
    "eu": "Basque",
    "fa": "Persian",
    "fi": "Finnish",
    "fo": "Faroese",
    "fr": "French",
    "ga": "Irish",
    "gl": "Galician",
    "gu": "Gujarati",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "ht": "Haitian Creole",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ja": "Japanese",
    "jv": "Javanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "km": "Khmer",
    "kn": "Kannada",
    "ko": "Korean",
    "ku": "Kurdish",
    "ky": "Kyrgyz",
    "la": "Latin",
    "lb": "Luxembourgish",
    "lo": "Lao",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mg": "Malagasy",
    "mk": "Macedonian",
    "ml": "Malayalam",
    "mn": "Mongolian",
    "mr": "Marathi",
    "ms": "Malay",
    "mt": "Maltese",
    "my": "Burmese",
    "nb": "Norwegian Bokmål",
    "ne": "Nepali",
    "nl": "Dutch",
    "nn": "Norwegian Nynorsk",
    "no": "Norwegian",
    "oc": "Occitan",
    "or": "Odia",
    "pa": "Punjabi",
    "pl": "Polish",
    "ps": "Pashto",
    "pt": "Portuguese",
    "qu": "Quechua",
    "ro": "Romanian",
    "ru": "Russian",
    "rw": "Kinyarwanda",
    "se": "Northern Sami",
    "si": "Sinhala",
    "sk": "Slovak",
    "sl": "Slovenian",
    "so": "Somali",
    "sq": "Albanian",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "tg": "Tajik",
    "th": "Thai",
    "tl": "Tagalog",
    "tr": "Turkish",
    "ug": "Uyghur",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "uz": "Uzbek",
    "vi": "Vietnamese",
    "vo": "Volapük",
    "wa": "Walloon",
    "xh": "Xhosa",
    "yi": "Yiddish",
    "zh": "Chinese",
    "zu": "Zulu",
    "und": UNKNOWN_LANGUAGE,
}
"""Every language that a message can be in, by its code."""
MOOD_WORDS = {
    "positive": say("in a good mood"),
    "neutral": say("in a neutral mood"),
    "negative": say("in a bad mood"),
    "up": say("with a rising mood"),
    "down": say("with a falling mood"),
}
TREND_WORDS = {
    "up": say_in("mood", "rising"),
    "flat": say_in("mood", "steady"),
    "down": say_in("mood", "falling"),
}
SIGNAL_WORDS = {
    "reasked": say("asked again"),
    "rejected": say("rejected the answer"),
    "gave_up": say("gave up"),
    "complained": say("complained"),
    "thanked": say("said thanks"),
    "apologised": say("assistant apologised"),
    "refused": say("assistant refused"),
}
"""What happened in a conversation, as it is called on pages."""
STANDING_WORDS = {
    "new": say("of new people"),
    "returning": say("of returning people"),
    "veteran": say("of veterans"),
}
"""Whose conversations they are, by what people were that day."""
SPEAKER_WORDS = {
    "user": say_in("who speaks", "User"),
    "assistant": say_in("who speaks", "Assistant"),
    "system": say_in("who speaks", "System"),
    "tool": say_in("who speaks", "Tool"),
}
"""Who said a message, where it is one of the usual."""
GOOD_SIGNALS = frozenset({"thanked"})
KIND_WORDS = {
    "suggested": say_in("a topic", "found"),
    "keyword": say_in("a topic", "by words"),
    "semantic": say_in("a topic", "by meaning"),
    "llm": say_in("a topic", "by a model"),
}
"""How a topic finds its messages."""
EVENT_WORDS = {
    "appeared": say_in("a topic", "appeared"),
    "vanished": say_in("a topic", "is no longer talked about"),
    "returned": say_in("a topic", "came back"),
    "split": say_in("a topic", "split"),
    "merged": say_in("a topic", "became a part"),
    "unmerged": say_in("a topic", "stands for itself"),
    "grown": say_in("a topic", "grew"),
    "renamed": say_in("a topic", "was renamed"),
    "pinned": say_in("a topic", "was pinned"),
    "unpinned": say_in("a topic", "was unpinned"),
    "hidden": say_in("a topic", "was hidden"),
    "shown": say_in("a topic", "was shown again"),
    "defined": say_in("a topic", "was defined"),
    "changed": say_in("a topic", "was changed"),
    "deleted": say_in("a topic", "was deleted"),
}
"""What happened to a topic, after its name."""


def language(code: str) -> str:
    """The name of a language; a code that is not known stays one."""
    if code == "und":
        return UNKNOWN_LANGUAGE
    return speech().language(code, LANGUAGES)
