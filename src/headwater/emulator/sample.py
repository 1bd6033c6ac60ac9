"""Writes a sample of recordings in the format of 2018: `python -m headwater.emulator.sample FOLDER`.

They are made up, always the same ones, and called by the ids that an id provider begins with.
"""

import argparse
import sys
from pathlib import Path

from headwater.emulator.generator import generate_household
from headwater.emulator.options import START_ID

METERS = 14
"""As many as a source of 2018 replayed."""
STEP_S = 60
TICKS = 24 * 60
START_MS = 1_486_684_800_000
"""2017-02-10, the day that the recordings of 2018 are of."""
CODES = {"active_power": "010116070000", "voltage": "010132070000", "current": "010131070000"}
"""The metrics of households that have a code there."""


def value_text(value: float) -> str:
    """A value as sign, nine digits with an unwritten point after the first, and exponent: 237.53 is +237530000+2."""
    mantissa, _, exponent = f"{value:+.8e}".partition("e")
    return f"{mantissa.replace('.', '')}{int(exponent):+d}"


def write_sample(folder: Path, meters: int = METERS, ticks: int = TICKS) -> None:
    """Write a file for each meter."""
    ids = [str(int(START_ID) + at) for at in range(meters)]
    replay = generate_household(
        meters, seed=2018, start_ms=START_MS, step_s=STEP_S, metrics=tuple(CODES), ticks_max=ticks, ids=ids
    )
    lines: dict[str, list[str]] = {id: [] for id in ids}
    for tick in replay.ticks():
        for series, time_ms, value in zip(tick.series, tick.timestamps, tick.values, strict=True):
            key = replay.series[int(series)]
            lines[key.meter].append(f"{int(time_ms) // 1000},{CODES[key.metric]},{value_text(float(value))}")
    folder.mkdir(parents=True, exist_ok=True)
    for id, rows in lines.items():
        (folder / f"{id}.csv").write_text("\n".join(rows) + "\n", encoding="ascii")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    write_sample(parser.parse_args().folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
