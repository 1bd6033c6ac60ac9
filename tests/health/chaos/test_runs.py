"""What is known of a run by the steps that it says."""

from headwater.health.chaos.documents import ChaosFault, ChaosNow, ChaosRun
from headwater.health.chaos.runner import Step
from headwater.health.chaos.runs import RECENT_MAX, after
from headwater.health.chaos.scenario import Fault

FAULT = Fault(kind="kill-node", target="gatewayA")
NOW = ChaosNow(number=1, fault=FAULT, stage="before")
BEGUN = ChaosRun(id="a", state="running", count=2, done=0, doing="starting")


def over(number: int) -> ChaosFault:
    return ChaosFault(number=number, fault=FAULT, injected_s=float(number))


def test_the_fault_under_way_is_told_until_it_is_over() -> None:
    begun = after(BEGUN, Step("1 of 2", NOW))
    assert (begun.now, begun.doing) == (NOW, "1 of 2")
    assert after(begun, Step("waiting")).now == NOW

    ended = after(begun, Step(over=over(1)))
    assert (ended.now, ended.done, ended.recent, ended.last) == (None, 1, [over(1)], over(1))
    assert after(ended, Step("2 of 2", NOW)).recent == [over(1)]


def test_nothing_is_under_way_once_the_run_has_ended() -> None:
    stopped = after(after(BEGUN, Step("1 of 2", NOW)), Step(state="stopped"))
    assert (stopped.now, stopped.doing, stopped.state) == (None, "", "stopped")


def test_of_those_that_are_over_the_newest_are_told() -> None:
    run = BEGUN
    for number in range(RECENT_MAX + 5):
        run = after(run, Step(over=over(number)))
    assert [fault.number for fault in run.recent] == list(range(5, RECENT_MAX + 5))
    assert run.done == RECENT_MAX + 5
