"""Which language a page is in, and how numbers are written in it."""

from collections.abc import Mapping
from typing import Literal, TypeVar

Language = Literal["en", "de"]
LANGUAGES: dict[Language, str] = {"en": "English", "de": "Deutsch"}
COOKIE = "headwater_language"
THOUSANDS: dict[Language, str] = {"en": ",", "de": "."}

T = TypeVar("T")
Texts = Mapping[Language, T]
"""The same texts in every language."""


def language_of(cookie: str | None, accepted: str) -> Language:
    """The language that was chosen, else the first that the browser asks for and there is, else English.

    `accepted` is the header Accept-Language (RFC 9110, section 12.5.4).
    """
    if cookie in LANGUAGES:
        return cookie
    wanted = [part.strip().partition(";") for part in accepted.split(",")[:20]]
    for tag, _, weight in sorted(wanted, key=lambda part: -_weight(part[2])):
        found = next((language for language in LANGUAGES if tag.lower().split("-")[0] == language), None)
        if found is not None and _weight(weight) > 0:
            return found
    return "en"


def _weight(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q=")) if text else 1.0
    except ValueError:
        return 0.0


def written(number: int, language: Language) -> str:
    """A whole number with its thousands set apart."""
    return f"{number:,}".replace(",", THOUSANDS[language])
