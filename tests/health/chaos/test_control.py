"""Asking for faults over a real socket, and what becomes of them when whoever asked is gone."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.health.chaos.control import CONNECTIONS_MAX, Control, ControlServer
from headwater.health.chaos.scenario import Fault, Place
from headwater.model.errors import HeadwaterError, Rejected, Unavailable

FAULT = Fault(kind="cut-link", target="gatewayA")
PLACES = [Place("gatewayA", 1, True)]
PATIENCE_S = 60


class Doer:
    """Notes what is done."""

    def __init__(self) -> None:
        self.open: list[Fault] = []
        self.healed = threading.Semaphore(0)
        self.error: Exception | None = None

    def places(self) -> list[Place]:
        return PLACES

    def inject(self, fault: Fault) -> int:
        if self.error is not None:
            raise self.error
        self.open.append(fault)
        return 17

    def heal(self) -> int:
        self.open.clear()
        self.healed.release()
        return 18


@pytest.fixture
def doer() -> Doer:
    return Doer()


@pytest.fixture
def path(tmp_path: Path, doer: Doer) -> Iterator[Path]:
    with ControlServer(tmp_path / "chaos.sock", doer).serving():
        yield tmp_path / "chaos.sock"


def test_faults_are_put_in_and_healed_and_timed_by_who_does_it(path: Path, doer: Doer) -> None:
    with contextlib.closing(Control(path)) as control:
        assert control.places() == tuple(PLACES)
        assert control.inject(FAULT) == 17
        assert doer.open == [FAULT]
        assert control.heal() == 18
        assert doer.open == []


def test_the_end_of_the_connection_heals_however_it_ended(path: Path, doer: Doer) -> None:
    control = Control(path)
    control.inject(FAULT)
    control.close()
    assert doer.healed.acquire(timeout=PATIENCE_S)
    assert doer.open == []


def test_the_end_of_who_does_it_heals(tmp_path: Path, doer: Doer) -> None:
    with ControlServer(tmp_path / "c", doer).serving():
        control = Control(tmp_path / "c")
        control.inject(FAULT)
    assert doer.open == []
    assert not (tmp_path / "c").exists()
    with pytest.raises(Unavailable, match=r"gone|does not answer"):
        control.heal()
    control.close()


def test_one_at_a_time_and_the_next_when_the_first_has_gone(path: Path, doer: Doer) -> None:
    first, second = Control(path), Control(path)
    first.inject(FAULT)
    with pytest.raises(Unavailable, match="another run of chaos is under way"):
        second.inject(FAULT)
    with pytest.raises(Unavailable, match="another run of chaos is under way"):
        second.heal()
    assert second.places() == tuple(PLACES)
    assert doer.open == [FAULT]
    first.close()
    assert doer.healed.acquire(timeout=PATIENCE_S)
    with contextlib.closing(second):
        deadline = time.monotonic() + PATIENCE_S
        while not doer.open:
            assert time.monotonic() < deadline
            with contextlib.suppress(Unavailable):  # Until the end of the first has been noted.
                second.inject(FAULT)


def test_who_only_looks_heals_nothing_when_it_goes(path: Path, doer: Doer) -> None:
    with contextlib.closing(Control(path)) as control:
        control.inject(FAULT)
        onlooker = Control(path)
        onlooker.places()
        onlooker.close()
        assert not doer.healed.acquire(timeout=0.2)
        assert doer.open == [FAULT]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (Rejected("fault", "never"), Rejected),
        (Unavailable("not now"), Unavailable),
        (HeadwaterError("not now"), Unavailable),
        (OSError("not now"), Unavailable),
    ],
)
def test_what_cannot_be_is_told_and_the_connection_goes_on(
    path: Path, doer: Doer, raised: Exception, told: type[Exception]
) -> None:
    with contextlib.closing(Control(path)) as control:
        doer.error = raised
        with pytest.raises(told, match=r"never|not now"):
            control.inject(FAULT)
        doer.error = None
        assert control.inject(FAULT) == 17


@pytest.mark.parametrize(
    "line", [b"hello\n", b"{}\n", b'{"do": "burn"}\n', b"\xff\xfe\n", b'{"do": "inject", "fault": {"kind": "x"}}\n']
)
def test_what_is_no_request_is_refused_and_breaks_nothing(path: Path, doer: Doer, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(path))
        raw.sendall(line)
        assert b"not understood" in raw.recv(10_000)
    with contextlib.closing(Control(path)) as control:
        assert control.inject(FAULT) == 17


def test_connections_are_bounded(path: Path) -> None:
    held = [Control(path) for _ in range(CONNECTIONS_MAX)]
    for control in held:
        control.places()
    with contextlib.closing(Control(path)) as one_more, pytest.raises(Unavailable):
        one_more.places()
    for control in held:
        control.close()


def test_without_a_run_nothing_can_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="start all of it with headwater up"):
        Control(tmp_path / "chaos.sock")


def test_a_folder_with_a_long_name_will_do_and_only_its_owner_may_ask(tmp_path: Path, doer: Doer) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    with ControlServer(folder / "c", doer).serving():
        assert (folder / "c").stat().st_mode & 0o777 == 0o600
        with contextlib.closing(Control(folder / "c")) as control:
            assert control.inject(FAULT) == 17
