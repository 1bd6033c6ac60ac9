"""The sentences of the judge in the languages of the pages. Pure.

The API says its evidence in English. What is not known here stays as it is: an English sentence says more than none.
"""

import re

from headwater.ui.language import Language
from headwater.ui.texts.evidence import GERMAN

Said = dict[Language, str]
"""One sentence in every language."""

_HOLES = {r"\{s\}": r"(?P<s>[\d.]+) s", r"\{inner\}": "(?P<inner>.+?)", r"\{text\}": "(?P<text>.*)"}


def _pattern(sentence: str) -> re.Pattern[str]:
    escaped = re.escape(sentence)
    for hole, expression in _HOLES.items():
        escaped = escaped.replace(hole, expression)
    return re.compile(escaped, re.DOTALL)


_GERMAN = [(_pattern(english), german) for english, german in GERMAN.items()]


def in_german(sentence: str) -> str | None:
    """A sentence of the judge in German; None when it, or one inside it, is not known."""
    for pattern, german in _GERMAN:
        if (found := pattern.fullmatch(sentence)) is None:
            continue
        holes = found.groupdict()
        if "s" in holes:
            return german.format(s=holes["s"].replace(".", ",") + " s")
        if "inner" not in holes:
            return german
        if (inner := in_german(holes["inner"])) is not None:
            return german.format(inner=inner, text=holes.get("text"))
    return None


def said(sentence: str) -> Said:
    """A sentence of the judge, or its doubt, in every language."""
    return {"en": sentence, "de": in_german(sentence) or sentence}
