"""Verdicts on reports: what each kind of silence turns Yellow and Red, and that two clocks are never compared."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.api.verdicts import PRESETS, Health, Movement, Thresholds, Verdicts, follow, judge, verdict
from headwater.model.records import Config
from headwater.model.report import NodeReport
from headwater.store.port import Node
from tests.api.grid import report

GREEN, YELLOW, RED = Health
GATEWAY = Config(1, "gateway", next="10.0.0.2:50051", successor=2)
ENDPOINT = Config(1, "endpoint")
NOW = 1_000_000
DEFAULT = Thresholds()


def node(last: NodeReport | None, reported_ms: int = NOW, config: Config | None = GATEWAY) -> Node:
    return Node(1, "node", b"12345678", "", config, last, reported_ms)


@pytest.mark.parametrize(
    ("preset", "green_ms", "yellow_ms"),
    [("default", 3_000, 6_000), ("master", 5_000, 10_000), ("image", 30_000, 60_000)],
)
def test_each_profile_turns_at_its_ages(preset: str, green_ms: int, yellow_ms: int) -> None:
    words = [verdict(age_ms, PRESETS[preset]) for age_ms in (green_ms, green_ms + 1, yellow_ms, yellow_ms + 1)]

    assert words == [GREEN, YELLOW, YELLOW, RED]


@pytest.mark.parametrize(("green_ms", "yellow_ms"), [(0, 5), (6, 5), (-1, -1)])
def test_thresholds_in_the_wrong_order_are_refused(green_ms: int, yellow_ms: int) -> None:
    with pytest.raises(ValueError, match="does not hold"):
        Thresholds(green_ms, yellow_ms)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_longer_silence_is_never_better(one_ms: int, more_ms: int) -> None:
    order = [GREEN, YELLOW, RED]

    assert order.index(verdict(one_ms, DEFAULT)) <= order.index(verdict(one_ms + more_ms, DEFAULT))


def test_a_silent_agent_is_no_evidence_that_the_pipeline_works() -> None:
    silent = node(report(1), NOW - 7_000)

    assert judge(silent, None, NOW, DEFAULT) == Verdicts(RED, RED, RED, RED)


def test_a_stuck_pipeline_shows_though_its_agent_reports() -> None:
    stuck = node(report(1, 50_000, progress_ms=50_000 - 4_000))

    verdicts = judge(stuck, None, NOW, DEFAULT)

    assert (verdicts.provenance_daemon, verdicts.pipeline_daemon, verdicts.node) == (GREEN, YELLOW, GREEN)


@given(st.integers(-(10**12), 10**12))
def test_a_node_whose_clock_is_wrong_is_judged_the_same(skew_ms: int) -> None:
    right = report(1, NOW, progress_ms=NOW - 4_000)
    wrong = msgspec.structs.replace(right, time_ms=right.time_ms + skew_ms, progress_ms=right.progress_ms + skew_ms)

    assert judge(node(wrong), None, NOW, DEFAULT) == judge(node(right), None, NOW, DEFAULT)


def test_a_node_that_never_reported_is_red_and_an_endpoint_has_no_channel() -> None:
    assert judge(node(None, 0), None, NOW, DEFAULT) == Verdicts(RED, RED, RED, RED)
    assert judge(node(None, 0, ENDPOINT), None, NOW, DEFAULT).outgoing_channel is None
    assert judge(node(report(1), NOW, ENDPOINT), None, NOW, DEFAULT) == Verdicts(GREEN, GREEN, GREEN, None)
    assert judge(node(report(1), NOW, None), None, NOW, DEFAULT).outgoing_channel is None


def test_a_channel_stands_still_when_readings_come_and_no_acknowledgement_does() -> None:
    quiet = report(1, durable=20, acknowledged=9, received=60)
    waiting = report(1, durable=30, acknowledged=9, received=70)
    moving = report(1, durable=30, acknowledged=10, received=70)
    drained = report(1, durable=30, acknowledged=30, received=80)

    first = follow(None, quiet, 1_000)
    idle = follow(first, quiet, 9_000)
    still = follow(idle, waiting, 12_000)
    moved = follow(still, moving, 15_000)

    assert first == Movement(9, 60, 1_000)
    assert idle == still == Movement(9, 60, 9_000)
    assert judge(node(waiting, 13_000), still, 13_000, DEFAULT).outgoing_channel is YELLOW
    assert judge(node(waiting, 16_000), still, 16_000, DEFAULT).outgoing_channel is RED
    assert moved == Movement(10, 70, 15_000)
    assert follow(moved, drained, 20_000) == Movement(30, 80, 20_000)
