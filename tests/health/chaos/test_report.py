"""What an observer makes of its looks, and what a report makes of that."""

from headwater.health.chaos.documents import ChaosNow
from headwater.health.chaos.observer import Look, Observer
from headwater.health.chaos.report import Books, percentile, report
from headwater.health.chaos.scenario import Fault, Kind
from headwater.model.health import Part, Subject

NAMES = {1: "gatewayA", 3: "gatewayC"}
PIPELINE, LINK, NODE = Subject(Part.PIPELINE, 1), Subject(Part.LINK, 1, 3), Subject(Part.NODE, 3)
WELL: tuple[Subject, ...] = ()


class Watched:
    """An observer whose times are written in seconds."""

    def __init__(self) -> None:
        self.observer = Observer(NAMES, 0)

    def see(self, at_s: float, *alarms: Subject, is_well: bool | None = None) -> None:
        well = not alarms if is_well is None else is_well
        self.observer.see(Look(round(at_s * 1e9), frozenset(alarms), well))

    def begin(self, at_s: float, kind: Kind = "kill-pipeline", target: str = "gatewayA") -> None:
        self.observer.begin(Fault(kind=kind, target=target), round(at_s * 1e9))

    def heal(self, at_s: float) -> None:
        self.observer.heal(round(at_s * 1e9))


def test_detection_is_from_the_injection_to_the_first_alarm_that_names_the_fault() -> None:
    watched = Watched()
    watched.see(9)
    watched.begin(10)
    watched.see(11)
    watched.see(12.5, PIPELINE)
    watched.see(13, PIPELINE)
    watched.heal(14)
    watched.see(14.5, PIPELINE)
    watched.see(15)
    watched.see(16)
    over = watched.observer.end()
    assert (over.injected_s, over.detected_s, over.recovered_s, over.wrong) == (10.0, 2.5, 1.0, [])
    assert watched.observer.false == []


def test_alarms_that_name_something_else_are_wrong_and_each_is_named_once() -> None:
    watched = Watched()
    watched.begin(10)
    watched.see(11, NODE, LINK)
    watched.see(12, NODE)
    watched.see(13, NODE, PIPELINE)
    watched.heal(14)
    watched.see(15)
    over = watched.observer.end()
    assert over.detected_s == 3.0
    assert over.wrong == ["link gatewayA to gatewayC after 1.0 s", "node gatewayC after 1.0 s"]


def test_how_a_fault_was_noticed_so_far_is_known_while_it_is_under_way() -> None:
    watched = Watched()
    fault = Fault(kind="kill-pipeline", target="gatewayA")
    assert watched.observer.under_way() is None
    watched.begin(10)
    assert watched.observer.under_way() == ChaosNow(number=1, fault=fault, stage="in")
    watched.see(12.5, PIPELINE, NODE)
    wrong = ["node gatewayC after 2.5 s"]
    assert watched.observer.under_way() == ChaosNow(number=1, fault=fault, stage="in", detected_s=2.5, wrong=wrong)
    watched.heal(14)
    assert watched.observer.under_way() == ChaosNow(number=1, fault=fault, stage="healed", detected_s=2.5, wrong=wrong)
    watched.observer.end()
    assert watched.observer.under_way() is None


def test_an_alarm_that_comes_only_once_the_fault_is_healed_did_not_detect_it() -> None:
    watched = Watched()
    watched.begin(10)
    watched.heal(14)
    watched.see(14.1, PIPELINE)
    watched.see(15)
    assert watched.observer.end().detected_s is None


def test_an_alarm_while_nothing_is_wrong_is_false() -> None:
    watched = Watched()
    watched.see(1, NODE)
    watched.see(2, NODE)
    watched.see(3)
    watched.see(4, NODE)
    assert list(watched.observer.false_in_words()) == ["node gatewayC at 1.0 s", "node gatewayC at 4.0 s"]


def test_all_is_well_when_nothing_has_been_red_for_a_second_and_a_fault_that_nobody_saw_is_waited_for() -> None:
    watched = Watched()
    watched.see(1)
    assert not watched.observer.is_well(1_900_000_000)
    assert watched.observer.is_well(2_000_000_000)
    watched.begin(3)
    watched.heal(4)
    assert not watched.observer.is_well(9_000_000_000)
    watched.see(4.1)
    watched.see(4.5, is_well=False)
    watched.see(5)
    assert not watched.observer.is_well(5_900_000_000)
    assert watched.observer.is_well(6_000_000_000)
    assert watched.observer.end().recovered_s == 1.0


def test_what_never_recovers_is_said_so() -> None:
    watched = Watched()
    watched.begin(3)
    watched.heal(4)
    watched.see(60, PIPELINE)
    assert watched.observer.end().recovered_s is None


def test_a_restart_that_is_noticed_is_no_mistake_but_one_of_another_node_is() -> None:
    watched = Watched()
    watched.begin(10, "skew-clock")
    watched.see(12, PIPELINE, NODE)
    watched.heal(14)
    watched.see(15)
    assert watched.observer.end().wrong == ["node gatewayC after 2.0 s"]


def test_the_report_counts_by_part_and_by_kind_and_leaves_out_what_was_not_put_in() -> None:
    watched = Watched()
    for at_s, delay_s, kind in ((10, 2.0, "kill-pipeline"), (30, 2.4, "pause-pipeline"), (50, 0, "pause-pipeline")):
        watched.begin(at_s, kind)  # type: ignore[arg-type]
        if delay_s:
            watched.see(at_s + delay_s, PIPELINE)
        watched.heal(at_s + 4)
        watched.see(at_s + 5)
        watched.observer.end()
    watched.begin(70, "slow-link")
    watched.see(71, NODE)
    watched.heal(74)
    watched.see(75)
    watched.observer.end()
    watched.observer.skip(Fault(kind="corrupt-log", target="gatewayA"), 80, "no sealed segment")
    watched.see(90, NODE)

    made = report(5, 1000, 99.0, watched.observer, Books(), Books(delivered=7))

    pipeline = made.kinds["pipeline"]
    assert (pipeline.injected, pipeline.detected, pipeline.wrong_kind) == (3, 2, 0)
    assert (pipeline.min_s, pipeline.p50_s, pipeline.p99_s, pipeline.max_s) == (2.0, 2.0, 2.4, 2.4)
    assert (pipeline.recovery_p50_s, pipeline.recovery_max_s) == (1.0, 1.0)
    assert set(made.kinds) == {"node", "link", "pipeline", "provenance"}
    assert made.kinds["node"].injected == 0
    assert made.kinds["node"].p99_s is None
    assert made.ways["pause-pipeline"].injected == 2
    assert (made.ways["slow-link"].injected, made.ways["slow-link"].wrong_kind) == (1, 1)
    assert made.ways["corrupt-log"].injected == 0
    assert (made.false_alarms, made.delivered, made.readings_lost, made.seed) == (1, 7, 0, 5)
    assert len(made.faults) == 5


def test_what_was_lost_before_the_run_is_not_of_the_run() -> None:
    before = Books(dropped=5, losses={"dropped": 5})
    made = report(1, 0, 1, Watched().observer, before, Books(dropped=12, losses={"dropped": 12, "gap": 3}, waiting=4))
    assert (made.readings_lost, made.undelivered) == (10, 4)
    assert made.losses == {"dropped": 7, "gap": 3}


def test_damage_that_the_run_did_is_named_and_not_counted_as_lost() -> None:
    damage = Books(losses={"damaged": 9})
    watched = Watched()
    assert report(1, 0, 1, watched.observer, Books(), damage).readings_lost == 9
    watched.begin(1, "corrupt-log")
    watched.heal(2)
    watched.observer.end()
    made = report(1, 0, 1, watched.observer, Books(), damage)
    assert (made.readings_lost, made.losses) == (0, {"damaged": 9})


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = list(range(1, 101))
    assert [percentile(values, share) for share in (0, 0.5, 0.95, 0.99, 1)] == [1, 50, 95, 99, 100]
    assert (percentile([3], 0.99), percentile([], 0.5)) == (3, None)
