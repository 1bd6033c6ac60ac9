"""The language of a page, and its numbers."""

import pytest

from headwater.ui.language import language_of, written


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "en-GB;q=0.5, DE;q=0.6", "de"),
        (None, "fr, de;q=0.3", "de"),
        (None, "de;q=0, en;q=0.1", "en"),
        (None, "ja", "en"),
        (None, "*", "en"),
        (None, "de;q=much", "en"),
        (None, ",;=,;;q=1," * 1000, "en"),
        ("de", "en", "de"),
        ("en", "de", "en"),
        ("tlh", "de", "de"),
    ],
)
def test_the_language_is_the_chosen_one_else_what_the_browser_likes_best(
    cookie: str | None, accepted: str, language: str
) -> None:
    assert language_of(cookie, accepted) == language


def test_thousands_are_set_apart_as_the_language_does() -> None:
    assert (written(1234567, "en"), written(1234567, "de"), written(999, "de")) == ("1,234,567", "1.234.567", "999")
