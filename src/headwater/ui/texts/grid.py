"""What the grid's page says."""

import msgspec

from headwater.ui.language import Texts


class GridTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of the home page."""

    title: str
    alarms: str
    totals: str
    rate: str
    stored: str
    sent: str
    delivered: str
    buffered: str
    dropped: str
    balanced: str
    unbalanced: str
    """With {count}."""
    topology: str
    nodes: str
    """With {count}."""
    chart: str
    waiting: str
    """With {count}."""
    about: str
    """With {received}, {sent} and {waiting}."""
    part_node: str
    part_link: str
    part_pipeline: str
    part_provenance: str
    part_server: str
    """Titles of alarms, with {name} and {target}."""
    since: str
    """With {time}."""
    explains_one: str
    explains_many: str
    """With {count}."""


GRID: Texts[GridTexts] = {
    "en": GridTexts(
        title="Grid",
        alarms="Alarms",
        totals="Totals",
        rate="Readings per second",
        stored="Stored",
        sent="Sent over links",
        delivered="Delivered",
        buffered="Waiting in buffers",
        dropped="Dropped",
        balanced="Every reading accounted for",
        unbalanced="{count} unaccounted for",
        topology="Topology",
        nodes="{count} nodes",
        chart="Topology; the list below it has everything that it shows",
        waiting="{count} waiting",
        about="receives {received}/s, sends {sent}/s\n{waiting} waiting",
        part_node="Node {name} has failed",
        part_link="The link from {name} to {target} has failed",
        part_pipeline="The pipeline daemon of {name} has failed",
        part_provenance="The provenance daemon of {name} has failed",
        part_server="The server hears of no node",
        since="since {time}",
        explains_one="explains 1 more that stands still",
        explains_many="explains {count} more that stand still",
    ),
    "de": GridTexts(
        title="Netz",
        alarms="Alarme",
        totals="Summen",
        rate="Messwerte pro Sekunde",
        stored="Gespeichert",
        sent="Über Verbindungen gesendet",
        delivered="Zugestellt",
        buffered="Warten in Puffern",
        dropped="Verworfen",
        balanced="Jeder Messwert ist nachgewiesen",
        unbalanced="{count} ohne Nachweis",
        topology="Topologie",
        nodes="{count} Knoten",
        chart="Topologie; die Liste darunter enthält alles, was sie zeigt",
        waiting="{count} warten",
        about="empfängt {received}/s, sendet {sent}/s\n{waiting} warten",
        part_node="Knoten {name} ist ausgefallen",
        part_link="Die Verbindung von {name} nach {target} ist ausgefallen",
        part_pipeline="Der Pipeline-Dienst von {name} ist ausgefallen",
        part_provenance="Der Provenance-Dienst von {name} ist ausgefallen",
        part_server="Der Server hört von keinem Knoten",
        since="seit {time}",
        explains_one="erklärt 1 weiteres, das stillsteht",
        explains_many="erklärt {count} weitere, die stillstehen",
    ),
}
