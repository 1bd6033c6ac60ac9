"""What a programmer can rely on: nothing becomes public, or goes, unnoticed."""

import inspect

from headwater import capture
from headwater.capture import Recorder
from headwater.capture.options import Options, RecorderOptions

PUBLIC = [
    "DataPointId",
    "Location",
    "Made",
    "Point",
    "Reading",
    "Recorder",
    "carried",
    "close",
    "configure",
    "derive",
    "flush",
    "record",
    "traced",
    "within",
]
OF_A_RECORDER = [
    "close",
    "closed",
    "derive",
    "flush",
    "from_environment",
    "inputs",
    "options",
    "raised",
    "reading",
    "record",
    "traced",
    "traceparent",
]


def test_all_is_what_is_public() -> None:
    names = {name for name, held in vars(capture).items() if not name.startswith("_") and not inspect.ismodule(held)}
    assert sorted(names) == sorted(capture.__all__) == PUBLIC


def test_a_recorder_has_these_members(tmp_path: object) -> None:
    with Recorder(str(tmp_path), node="0000a1") as recorder:
        assert sorted(name for name in dir(recorder) if not name.startswith("_")) == OF_A_RECORDER


def test_everything_public_says_what_it_is() -> None:
    for name in set(OF_A_RECORDER) - {"closed", "options"}:
        assert inspect.getdoc(getattr(Recorder, name))
    for name in PUBLIC:
        assert inspect.getdoc(getattr(capture, name))


def test_the_shared_functions_take_what_a_recorder_takes() -> None:
    for name in ("record", "derive", "flush"):
        method = list(inspect.signature(getattr(Recorder, name)).parameters.values())[1:]
        assert list(inspect.signature(getattr(capture, name)).parameters.values()) == method


def test_every_option_is_one_of_the_recorder() -> None:
    assert {"data", "node", *Options.__annotations__} == set(RecorderOptions.__struct_fields__)
