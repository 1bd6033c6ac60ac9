"""The step `mask`: no name and no key leaves the node, whatever stands around it."""

import msgspec
import pytest

from headwater.model.records import Definition, Kind
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.step_options import (
    AggregateOptions,
    FilterOptions,
    MaskOptions,
    ScaleOptions,
    StepOptions,
)
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import pack
from tests.pipeline.chains import chained, delivered, going_on, log_readings, readings, run
from tests.pipeline.ends import End
from tests.pipeline.stepping import close_all


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASK_KEY", "sixteen bytes or more")


def link_bytes(end: End) -> bytes:
    """Everything that the next hop is ever sent, and can ask for."""
    outflow = end.outflow()
    sent = [outflow.hello().SerializeToString()]
    sent += [message.SerializeToString() for record in going_on(end) if (message := pack(record, 0)) is not None]
    for log, number in end.log.state.series:
        answers = outflow.take(pb.Down(need=pb.Need(log=log, number=number)))
        sent += [answer.SerializeToString() for answer in answers]
    return b"".join(sent)


@pytest.mark.parametrize("foreign", [False, True])
def test_no_name_of_a_masked_meter_leaves_the_node(foreign: bool) -> None:
    end = chained(
        ScaleOptions(factor=2, metric="{metric}.doubled"),
        MaskOptions(key_env="MASK_KEY", meters=("secret-*",)),
        AggregateOptions(function="sum", window_s=2),
    )
    log_readings(
        end, sorted([*readings(1, 2, meter="public"), *readings(5, 6, meter="secret-7")], key=lambda r: r.meter)
    )
    log_readings(end, readings(9, meter="secret-8", metric="power.max"), Kind.OUT, foreign=foreign)
    end.log.append(99, None, raw=b"secret-9 of a later version", stays=end.core.stays(99))
    close_all(end)
    run(end)

    sent = link_bytes(end)
    assert b"secret" not in sent
    assert b"public" in sent
    assert {point.reading.meter for point in delivered(end)} >= {"public"}
    assert len(delivered(end, Kind.DATA)) == 4


def test_names_that_a_mask_hid_go_on_when_there_is_none_any_more() -> None:
    end = chained(MaskOptions(key_env="MASK_KEY"))
    log_readings(end, readings(1, meter="secret"))
    run(end)
    assert b"secret" not in link_bytes(end)
    end.options = msgspec.structs.replace(end.options, steps=())
    end.restart()
    end.core.configure(None)
    log_readings(end, readings(2, meter="secret"))
    run(end)

    assert [point.reading.meter for point in delivered(end)][-1] == "secret"
    shown = [body for body in end.bodies(Kind.DEFINITION) if isinstance(body, Definition) and not body.stays]
    assert "secret" in {body.meter for body in shown}


def test_the_key_of_a_mask_is_nowhere_in_the_log() -> None:
    end = chained(MaskOptions(key_env="MASK_KEY"))
    log_readings(end, readings(1))
    run(end, checkpoint=True)
    everything = b"".join(end.disk.read(name, 0, end.disk.size(name)) for name in end.disk.names())
    assert b"MASK_KEY" in everything
    assert b"sixteen bytes" not in everything
    assert "sixteen bytes" not in repr(end.core.options)


@pytest.mark.parametrize(
    "earlier", [AggregateOptions(function="sum", window_s=1), FilterOptions(where="True", output="add")]
)
def test_a_mask_behind_a_step_that_adds_is_refused_with_what_to_do(earlier: StepOptions) -> None:
    with pytest.raises(ValueError, match=r"step 1 .* stands before step 2 .* Put the mask first, or give that step"):
        GatewayOptions(node=1, name="a", data=End(1).options.data, steps=(earlier, MaskOptions(key_env="MASK_KEY")))
