"""`headwater trace`, on the documents that the API makes."""

import msgspec
import pytest
from rich.console import Console

from headwater.api import documents
from headwater.cli.main import main
from headwater.cli.trace import drawn, instant, parsed
from headwater.client import Datapoint
from headwater.model.errors import ConfigError
from tests.client.scripted import Answer, scripted

ENDPOINT, GATEWAY, SENSED = "5a7b91370003c6000003", "5a7b91370003c6000002", "5a7b91370003c6000001"


def document(
    id: str, inputs: list[documents.Datapoint], contribution: str = "simple", **more: object
) -> documents.Datapoint:
    context = documents.PointContext(
        host_id=id[14:], meter_id="m1", metric_id="power", timestamp=1518047543000, receive_time=1518047543010
    )
    made = documents.Datapoint(id=id, context=context, node=f"node{id[-1]}")
    if inputs:
        made.input_datapoints = [documents.Contribution(point, contribution) for point in inputs]
    for name, value in more.items():
        setattr(made, name, value)
    return made


def text(point: documents.Datapoint, forward: bool = False, most: int = 10) -> str:
    console = Console(width=200, color_system=None)
    read = msgspec.json.decode(msgspec.json.encode(point), type=Datapoint)
    with console.capture() as captured:
        console.print(drawn(read, forward, most))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def test_a_lineage_is_a_tree_down_to_the_sensor() -> None:
    first = document(SENSED, [], value=237.53)
    tree = text(document(ENDPOINT, [document(GATEWAY, [first])]))
    assert tree == (
        f"{ENDPOINT}  node3  m1 power  2018-02-07T23:52:23.000Z\n"
        f"└── {GATEWAY}  node2  m1 power  2018-02-07T23:52:23.000Z\n"
        f"    └── {SENSED}  node1  m1 power  2018-02-07T23:52:23.000Z  = 237.53"
    )


def test_a_derived_value_names_what_its_inputs_contributed_and_counts_the_rest() -> None:
    inputs = [document(f"5a7b9137{number:06x}000001", []) for number in range(900)]
    tree = text(document(ENDPOINT, inputs, "average", step="aggregate average 900 s"), most=2)
    lines = tree.splitlines()
    assert lines[0].endswith("aggregate average 900 s")
    assert lines[1].startswith("├── average  5a7b9137000000000001")
    assert lines[3].startswith("└── and 898 more")
    assert len(lines) == 4


def test_forward_follows_outputs() -> None:
    point = document(SENSED, [])
    point.output_datapoints = [documents.Contribution(document(ENDPOINT, []), "simple")]
    assert text(point, forward=True).splitlines()[1].startswith(f"└── {ENDPOINT}")
    assert len(text(point).splitlines()) == 1


def test_what_the_store_does_not_know_is_named() -> None:
    unknown = documents.Datapoint(id=SENSED, missing="damaged")
    outside = documents.Datapoint(id=GATEWAY, outside=True)
    lines = text(document(ENDPOINT, [unknown, outside], value_state="expired")).splitlines()
    assert lines[0].endswith("  expired")
    assert lines[1].endswith(f"{SENSED}  000001  damaged")
    assert lines[2].endswith(f"{GATEWAY}  000002  outside")


def test_a_time_beyond_every_calendar_is_shown_as_it_is() -> None:
    assert instant(0) == "1970-01-01T00:00:00.000Z"
    assert instant(2**62) == f"{2**62} ms"


def test_a_node_of_words_is_no_markup() -> None:
    assert "[red]m1" in text(documents.Datapoint(id=SENSED, node="[red]m1"))


def test_a_line_is_never_cut_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = msgspec.json.encode(document(ENDPOINT, [document(GATEWAY, [], node="n" * 100, value=237.53)]))
    path = f"/v1/provenance/{ENDPOINT}?structure=recursive&detail=true&values=true"
    with scripted({path: [Answer(200, body)]}) as server:
        monkeypatch.setenv("HEADWATER_SERVER", server.url)
        assert main(["trace", ENDPOINT]) == 0
        assert capsys.readouterr().out.splitlines()[1].endswith("  = 237.53")
        assert main(["trace", ENDPOINT.upper(), "--json"]) == 0
        assert capsys.readouterr().out == body.decode() + "\n"


def test_what_is_no_id_is_refused_before_anything_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="20 hexadecimal digits"):
        parsed("../cluster")
    assert main(["trace", "xyz"]) == 2
    assert capsys.readouterr().err.startswith("headwater: 'xyz' is not a data point id")


def test_names_of_others_do_not_steer_the_terminal() -> None:
    named = documents.PointContext(host_id="000001", meter_id="m\x1b[2J\n1", metric_id="power")
    point = document(SENSED, [], step="half\x1b]0;title\x07", context=named)
    drawing = text(document(ENDPOINT, [point], "over\x1b[31m"))
    assert "\x1b" not in drawing
    assert "m\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}1 power" in drawing


def test_an_id_that_is_not_known_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/provenance/{SENSED}?structure=recursive&detail=true&values=true"
    with scripted({path: [Answer(404, b"No provenance is available.")]}) as server:
        monkeypatch.setenv("HEADWATER_SERVER", server.url)
        assert main(["trace", SENSED]) == 3
    assert capsys.readouterr().err == f"headwater: {SENSED}: No provenance is available.\n"
