"""Topic patterns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.wire.topics import parse_pattern

LEVEL = st.text(st.characters(exclude_characters="/+#{}\0", exclude_categories=["Cs"]), max_size=5)


@pytest.mark.parametrize(
    ("pattern", "topic", "captured"),
    [
        ("plant/{meter}/+/{metric}", "plant/m1/hall/power", {"meter": "m1", "metric": "power"}),
        ("plant/{meter}/+/{metric}", "plant/m1/hall", None),
        ("plant/{meter}/+/{metric}", "plant/m1/hall/power/more", None),
        ("plant/{meter}/#", "plant/m1/a/b/c", {"meter": "m1"}),
        ("plant/{meter}/#", "plant/m1", {"meter": "m1"}),
        ("plant/{meter}/#", "plant", None),
        ("#", "anything/at/all", {}),
        ("$share/group/plant/{meter}", "plant/m1", {"meter": "m1"}),
        ("/{a}//b", "/x//b", {"a": "x"}),
    ],
)
def test_a_topic_gives_what_the_pattern_names(pattern: str, topic: str, captured: dict[str, str] | None) -> None:
    assert parse_pattern(pattern).match(topic) == captured


def test_what_is_subscribed_to_has_a_wildcard_for_each_name() -> None:
    assert parse_pattern("plant/{meter}/+/{metric}/#").filter == "plant/+/+/+/#"
    assert parse_pattern("$share/group/plant/{meter}").filter == "$share/group/plant/+"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "1 to 65535 bytes"),
        ("a\0", "none of them 0"),
        ("a/#/b", "# the last one"),
        ("a/b#", "whole level"),
        ("a/b+/c", "whole level"),
        ("a/x{meter}", "as a whole"),
        ("a/{}", "as a whole"),
        ("{a}/{a}", "same name twice"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_pattern(pattern)


@given(st.lists(LEVEL, min_size=1, max_size=6), st.data())
def test_a_pattern_made_of_a_topic_gives_its_levels_back(levels: list[str], data: st.DataObject) -> None:
    named = data.draw(st.sets(st.integers(0, len(levels) - 1)))
    pattern = "/".join(f"{{n{at}}}" if at in named else level for at, level in enumerate(levels))
    if pattern:
        assert parse_pattern(pattern).match("/".join(levels)) == {f"n{at}": levels[at] for at in named}
