"""What `headwater status` shows beside the nodes: alarms with what they explain, and the books of the links."""

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from headwater.cli.printable import printable
from headwater.cli.trace import instant
from headwater.client import ClusterHealth, HealthLink, Subject

COLOURS = {"Green": "green", "Yellow": "yellow", "Red": "red"}


def alarm_lines(health: ClusterHealth) -> list[Text]:
    """A line for each alarm: what has failed, since when, why, and how much is out of reach by it."""
    names = _names(health)
    lines = []
    for alarm in health.alarms:
        doubt = f" ({alarm.doubt})" if alarm.doubt else ""
        behind = f"; explains {len(alarm.explains)} more" if alarm.explains else ""
        text = f"{told(alarm.subject, names)}{doubt} since {instant(alarm.since)}: {alarm.evidence}{behind}"
        lines.append(Text(printable(text), "bold red"))
    return lines


def links_table(health: ClusterHealth) -> Table:
    """The links, each with its books in readings: sent = delivered + waiting + dropped."""
    names = _names(health)
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("link")
    made.add_column("health")
    for heading in ("sent", "delivered", "waiting", "dropped", "oldest", "out/s"):
        made.add_column(heading, justify="right")
    for link in health.links:
        word = Text(link.link.health, COLOURS.get(link.link.health, ""))
        made.add_row(Text(printable(_link(link, names))), word, *_books(link))
    return made


def told(subject: Subject, names: Mapping[str, str]) -> str:
    """A subject in words."""
    node = names.get(subject.node or "", subject.node or "")
    match subject.part:
        case "server":
            return "server"
        case "link":
            target = names.get(subject.target or "", subject.target or "its next hop")
            return f"link {node} to {target}"
        case "node":
            return f"node {node}"
        case part:
            return f"{part} daemon of {node}"


def _names(health: ClusterHealth) -> dict[str, str]:
    return {node.id: node.name for node in health.nodes}


def _link(link: HealthLink, names: Mapping[str, str]) -> str:
    target = link.target or ""
    return f"{names.get(link.source, link.source)} to {names.get(target, target) or link.address}"


def _books(link: HealthLink) -> tuple[str, ...]:
    books = link.account
    if books is None:
        return ("",) * 6
    oldest = f"{books.oldest_ms / 1000:.1f} s" if books.oldest_ms else ""
    counts = (books.sent, books.delivered, books.buffered, sum(books.dropped.values()))
    return (*(f"{count:,}" for count in counts), oldest, f"{books.rate:,.0f}")
