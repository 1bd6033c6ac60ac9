"""What is written as YAML is read as the same."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from headwater.deploy.yaml import MERGE, Alias, Anchored, Noted, yaml_text

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.from_regex(r"[-0-9a-zA-Z .:/_$<>=+{}\[\],#&*!|>%@'\"~?`]{0,12}", fullmatch=True),
    st.sampled_from(["yes", "No", "null", "1e3", "0x1F", "1_000", "12:30:45", "2026-01-01", ".5", "30s", "-", "--a b"]),
)
KEYS = TEXTS.filter(lambda key: key != MERGE)
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(), st.booleans()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_a_written_document_reads_as_the_same(document: dict[str, object]) -> None:
    assert (yaml.safe_load(yaml_text(document)) or {}) == document


def test_comments_and_anchors_are_no_part_of_the_values() -> None:
    text = yaml_text(
        {
            "base": Noted(Anchored({"a": 1, "b": {"c": "30s"}}, "base"), "what all have\nand more"),
            "one": {MERGE: Alias("base"), "d": Noted(["x", 'a "b"'], "the last")},
        },
        "a head",
    )
    assert text.startswith("# a head\n# what all have\n# and more\nbase: &base\n  a: 1\n")
    assert "  # the last\n  d: [x, " in text
    assert yaml.safe_load(text)["one"] == {"a": 1, "b": {"c": "30s"}, "d": ["x", 'a "b"']}
