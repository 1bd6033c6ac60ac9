"""Every sentence that the judge can say is said in German too."""

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

import pytest

from headwater.api import cluster_health
from headwater.health import detector, rules
from headwater.model.health import Health, Part, Subject, Verdict
from headwater.store.port import Standing
from headwater.ui.evidence import in_german, said
from tests.health.truth_table import combinations, found_for

INNER = "no report for 2.5 s"
NOT_EVIDENCE = {"_check_gone", "_seconds"}
"""Functions whose sentences are errors, or no sentences."""


def sentences(module: ModuleType) -> Iterator[str]:
    """Every sentence in the code of a module, with something in place of what is computed; no docstrings, no errors."""
    tree = ast.parse(inspect.getsource(module))
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr | ast.Raise) or getattr(node, "name", "") in NOT_EVIDENCE:
            left_out.update(ast.walk(node))
        elif isinstance(node, ast.JoinedStr):
            left_out.update(set(ast.walk(node)) - {node})
    for node in ast.walk(tree):
        if node in left_out:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(_filled(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _filled(part: ast.expr) -> str:
    """What stands for a part of a sentence."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    computed = ast.unparse(part)
    return "2.5 s" if "_seconds(" in computed else INNER if "evidence" in computed else "host:1"


def said_somewhere() -> set[str]:
    """By the rules and the detector; a piece that is put behind another is put there."""
    pieces = {text for module in (rules, detector) for text in sentences(module) if " " in text}
    return {INNER + piece if piece.startswith(" ") else piece for piece in pieces}


def test_the_sentences_are_found() -> None:
    assert {INNER, "it passes data", f"recovering: {INNER}", f"{INNER} (host:1: host:1)"} <= said_somewhere()
    assert len(said_somewhere()) > 30


@pytest.mark.parametrize("sentence", sorted(said_somewhere()))
def test_there_is_german_for_every_sentence_in_the_code(sentence: str) -> None:
    assert in_german(sentence) is not None, f"say {sentence!r} in src/headwater/ui/texts/evidence.py"


def test_there_is_german_for_whatever_the_rules_find() -> None:
    every_tenth = list(combinations())[::10]
    found = {
        text for signals in every_tenth for one in found_for(signals).values() for text in (one.evidence, one.doubt)
    }

    assert [text for text in sorted(found - {""}) if in_german(text) is None] == []


def test_there_is_german_for_a_judge_that_does_not_look() -> None:
    stale = cluster_health.Verdicts(
        Standing(0, 0, [Verdict(Subject(Part.NODE, 1), Health.GREEN, 0, "it reports")]), 10_000
    )
    for verdict in (stale.of(Part.NODE, 1), stale.of(Part.NODE, 2)):
        assert in_german(verdict.evidence) is not None


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("no report for 12.5 s", "seit 12,5 s kein Bericht"),
        (
            "recovering: unreachable: silent on every path for 3.0 s, and no second path to tell",
            "erholt sich: nicht erreichbar: seit 3,0 s auf allen Wegen still; einen zweiten Weg gibt es nicht",
        ),
        ("nothing passes for 2.1 s (a:1: {s} {inner}", "seit 2,1 s kommt nichts durch (a:1: {s} {inner}"),
        ("no report for 1.0 s, as of all nodes", "seit 1,0 s kein Bericht, wie von allen Knoten"),
    ],
)
def test_what_is_in_a_sentence_is_in_its_translation(english: str, german: str) -> None:
    assert said(english) == {"en": english, "de": german}


def test_a_sentence_that_nobody_knows_stays_as_it_is() -> None:
    assert said("recovering: the moon is full") == {
        "en": "recovering: the moon is full",
        "de": "recovering: the moon is full",
    }
