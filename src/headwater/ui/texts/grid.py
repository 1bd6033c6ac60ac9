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
    empty: str
    empty_next: str
    """While no node has spoken yet."""
    view: str
    topology: str
    map: str
    list: str
    troubles: str
    nodes_one: str
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
    named_node: str
    named_link: str
    named_pipeline: str
    named_provenance: str
    named_server: str
    """The same parts in a list."""
    since: str
    """With {time}."""
    doubt: str
    """With {doubt}."""
    explains: str
    """With {list}."""
    more: str
    """With {count}: the rest of a list."""
    receives: str
    """With {rate}."""
    link: str
    """With {word}: how the link of a node stands."""
    unknown: str
    """In place of a next hop that has not said who it is."""
    unplaced: str
    """With {list}."""
    zoom_in: str
    zoom_out: str
    north: str
    south: str
    east: str
    west: str


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
        empty="No node has reported yet",
        empty_next="Nodes appear here by themselves as soon as their provenance daemons (headwater agent) reach "
        "this server. Nothing comes? Look whether these daemons are running, and whether they were given the address "
        "of this server: one port above that of this page, unless the configuration says otherwise.",
        view="View",
        topology="Topology",
        map="Map",
        list="All nodes, the worst first",
        troubles="Impaired",
        nodes_one="1 node",
        nodes="{count} nodes",
        chart="Topology; the list below it has everything that it shows",
        waiting="{count} waiting",
        about="receives {received}/s, sends {sent}/s\n{waiting} waiting",
        part_node="Node {name} has failed",
        part_link="The link from {name} to {target} has failed",
        part_pipeline="The pipeline daemon of {name} has failed",
        part_provenance="The provenance daemon of {name} has failed",
        part_server="The server hears of no node",
        named_node="node {name}",
        named_link="link {name} → {target}",
        named_pipeline="pipeline daemon of {name}",
        named_provenance="provenance daemon of {name}",
        named_server="the way to the server",
        since="Since {time}",
        doubt="Which of these it is cannot be told: {doubt}",
        explains="Stopped because of it: {list}",
        more="{count} more",
        receives="receives {rate}/s",
        link="Link {word}",
        unknown="unknown",
        unplaced="Without a position: {list}",
        zoom_in="Zoom in",
        zoom_out="Zoom out",
        north="N",
        south="S",
        east="E",
        west="W",
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
        empty="Noch hat sich kein Knoten gemeldet",
        empty_next="Knoten erscheinen hier von selbst, sobald ihre Provenance-Dienste (headwater agent) diesen Server "
        "erreichen. Kommt nichts? Prüfen Sie, ob diese Dienste laufen und ob ihnen die Adresse dieses Servers genannt "
        "wurde: ein Port über dem dieser Seite, wenn die Konfiguration nichts anderes sagt.",
        view="Ansicht",
        topology="Topologie",
        map="Karte",
        list="Alle Knoten, die schlechtesten zuerst",
        troubles="Beeinträchtigt",
        nodes_one="1 Knoten",
        nodes="{count} Knoten",
        chart="Topologie; die Liste darunter enthält alles, was sie zeigt",
        waiting="{count} warten",
        about="empfängt {received}/s, sendet {sent}/s\n{waiting} warten",
        part_node="Knoten {name} ist ausgefallen",
        part_link="Die Verbindung von {name} nach {target} ist ausgefallen",
        part_pipeline="Der Pipeline-Dienst von {name} ist ausgefallen",
        part_provenance="Der Provenance-Dienst von {name} ist ausgefallen",
        part_server="Der Server hört von keinem Knoten",
        named_node="Knoten {name}",
        named_link="Verbindung {name} → {target}",
        named_pipeline="Pipeline-Dienst von {name}",
        named_provenance="Provenance-Dienst von {name}",
        named_server="der Weg zum Server",
        since="Seit {time}",
        doubt="Was davon es ist, lässt sich nicht sagen: {doubt}",
        explains="Steht deshalb still: {list}",
        more="{count} weitere",
        receives="empfängt {rate}/s",
        link="Verbindung {word}",
        unknown="unbekannt",
        unplaced="Ohne Position: {list}",
        zoom_in="Vergrößern",
        zoom_out="Verkleinern",
        north="N",
        south="S",
        east="O",
        west="W",
    ),
}
