"""A little of each fuzzing target, and that a broken promise is found and can be repeated."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.campaigns.fuzz import run
from tests.campaigns.fuzzing.target import Check, Target
from tests.campaigns.fuzzing.targets import TARGETS

INPUTS = {"sql": 40}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_input_breaks_a_promise(target: Target) -> None:
    assert run(target, seed=1, first=0, inputs=INPUTS.get(target.name, 300)) == 0


def test_an_input_that_breaks_a_promise_is_named_and_comes_again(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[float] = []

    @contextmanager
    def open_(folder: Path) -> Iterator[Check]:
        def check(random: Random) -> str:
            seen.append(random.random())
            assert len(seen) != 3, "the third"
            return "fine"

        yield check

    target = Target("broken", "nothing", open_)
    assert run(target, seed=5, first=0, inputs=5) == 1
    assert "--target broken --seed 5 --first 2" in capsys.readouterr().out
    run(target, seed=5, first=2, inputs=1)
    assert seen[5] == seen[2]
