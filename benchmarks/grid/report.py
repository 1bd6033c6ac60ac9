"""What all reports have in common: the machine they were taken on, and the files they are written to."""

import csv
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.grid.machine import machine, now

ON_NETWORK = "each node a host of a network of its own"
ON_LOOPBACK = "on loopback"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when it was taken."""

    taken: str = msgspec.field(default_factory=now)
    machine: str = msgspec.field(default_factory=machine)
    where: str = ON_NETWORK
    """Whether each node had a host of its own, or all was on loopback, or a running topology was measured."""
    load: tuple[float, float, float] = msgspec.field(default_factory=os.getloadavg)
    """The load averages of the machine at the end."""


Draw = Callable[[Any], Any]
"""Draws on matplotlib's pyplot and gives the figure."""


def write(report: Report, file: Path, about: str, text: str, draw: Draw) -> None:
    """JSON to the file; beside it Markdown, what it is about first, and a plot."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    load = ", ".join(f"{one:.1f}" for one in report.load)
    head = f"{report.machine}; {report.taken}; {report.where}; {about}; load average {load} at the end."
    file.with_suffix(".md").write_text(f"{head}\n\n{text}")
    _plot(file.with_suffix(".png"), draw)


def write_csv(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A CSV with a line of names beside the report."""
    with file.with_suffix(".csv").open("w", newline="") as opened:
        written = csv.writer(opened)
        written.writerow(columns)
        written.writerows(rows)


def _plot(file: Path, draw: Draw) -> None:
    """Left out where matplotlib is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return
    mpl.use("agg")
    from matplotlib import pyplot

    figure = draw(pyplot)
    figure.savefig(file, dpi=90)
    pyplot.close(figure)
