"""Options that several benchmarks have, where they measure, and how their errors are told."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.grid import network
from benchmarks.grid.load import CONTEXTS
from benchmarks.grid.shapes import SHAPES
from headwater.cli.main import exit_code_of, sentence_of
from headwater.model.errors import HeadwaterError


def some_of(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A type of options: names with commas between them, all of them known."""

    def chosen(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"no {unknown[0]!r}: there are {', '.join(known)}")
        return names

    return chosen


def numbers(text: str) -> tuple[int, ...]:
    """A type of options: whole numbers from 1 on with commas between them."""
    found = tuple(int(part) for part in text.split(","))
    if min(found) < 1:
        raise ValueError(text)
    return found


def parser(name: str, about: str | None, examples: str) -> argparse.ArgumentParser:
    """What all have: a report, loopback, a running topology, and a run of seconds."""
    made = argparse.ArgumentParser(
        prog=f"headwater bench {name}",
        description=about,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--report", type=Path, metavar="FILE", help="write JSON here; Markdown, a plot, CSV beside it")
    where = made.add_mutually_exclusive_group()
    where.add_argument("--loopback", action="store_true", help="start all on loopback, without hosts of their own")
    where.add_argument("--server", metavar="URL", help="measure the topology of this server, which runs already")
    made.add_argument("--quick", action="store_true", help="some seconds only, to see that it works")
    return made


def add_matrix(made: argparse.ArgumentParser, contexts: Sequence[str], buffers: Sequence[int], repeats: int) -> None:
    """What is measured, setting by setting; a running topology is measured as it is."""
    shown = ",".join
    matrix = made.add_argument_group("what is started and measured (not with --server)")
    matrix.add_argument(
        "--shapes", type=some_of(SHAPES), default=SHAPES[:5], metavar="SHAPE,...", help=f"of {shown(SHAPES)}"
    )
    matrix.add_argument(
        "--contexts", type=some_of(tuple(CONTEXTS)), default=contexts, metavar="CONTEXT,...",
        help=f"what stamps record, of {shown(CONTEXTS)}; default {shown(contexts)}",
    )  # fmt: skip
    matrix.add_argument(
        "--buffers",
        type=numbers,
        default=buffers,
        metavar="N,...",
        help=f"BUFFER_CAPACITY ({shown(map(str, buffers))})",
    )
    matrix.add_argument(
        "--rate",
        type=float,
        metavar="N",
        help="readings a second of each sensor group (else 14 meters a second, as in 2018)",
    )
    made.add_argument("--repeats", type=int, default=repeats, metavar="N", help=f"how often ({repeats})")


def rate_in_words(rate: float | None) -> str:
    """What each group of sensors sends."""
    return "14 meters a second and group" if rate is None else f"{rate:,.0f} readings a second and group"


def on_network(module: str, loopback: bool, lacks: str) -> bool:
    """Go on with a network of its own where that is possible and wanted; else say what loopback lacks."""
    if loopback:
        return False
    if why := "" if network.is_inside() else network.problem():
        print(f"on loopback, {lacks}: a network of its own is not possible here: {why}", file=sys.stderr)
        return False
    network.enter(module)
    return True


def run(name: str, main: Callable[[], int]) -> int:
    """Run the main function of a benchmark; its errors become a sentence and an exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return main()
    except KeyboardInterrupt:
        return 130
    except (HeadwaterError, TimeoutError) as error:
        told = sentence_of(error) if isinstance(error, HeadwaterError) else str(error)
        print(f"headwater bench {name}: {told}", file=sys.stderr)
        return exit_code_of(error)
