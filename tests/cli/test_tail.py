"""`headwater tail`, on events as the API writes them."""

import json

import msgspec
import pytest

from headwater.api import documents
from headwater.api.feed import frame, missed
from headwater.cli.main import main
from tests.client.scripted import Answer, scripted

STAMP = documents.LiveStamp(
    id="5a7b91370003c6000003",
    count=1200,
    node="000003",
    name="gatewayC",
    kind="data",
    received=1518047543000,
    inputs=[],
    series=[("m1", "power\x1b[2J"), ("m2", "power"), ("m3", "power"), ("m4", "power")],
    series_count=6,
)
STREAM = frame("stamp", msgspec.json.encode(STAMP), "1-1") + missed(5, "the client is too slow")


def test_batches_are_shown_as_they_come_until_the_server_goes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted({"/v1/live/stamps?node=gatewayC": [Answer(200, STREAM)]}) as server:
        monkeypatch.setenv("HEADWATER_SERVER", server.url)
        assert main(["tail", "--node", "gatewayC"]) == 4
        shown = capsys.readouterr()
        assert shown.out.splitlines() == [
            "2018-02-07T23:52:23.000Z  gatewayC  1,200 received  5a7b91370003c6000003  "
            "m1 power�[2J, m2 power, m3 power and 3 more",
            "5 batches are not shown: the client is too slow",
        ]
        assert "the stream has ended" in shown.err
        assert main(["tail", "--node", "gatewayC", "--json"]) == 4
        first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["id"], first["seriesCount"], second["events"]) == ("5a7b91370003c6000003", 6, 5)
