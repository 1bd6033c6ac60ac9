"""Options that several benchmarks have: lists of names and of numbers."""

import argparse
from collections.abc import Callable


def some_of(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """A type of options: names with commas between them, all of them known."""

    def chosen(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"no {unknown[0]!r}: there are {', '.join(known)}")
        return names

    return chosen


def numbers(text: str) -> tuple[int, ...]:
    """A type of options: whole numbers with commas between them."""
    return tuple(int(part) for part in text.split(","))
