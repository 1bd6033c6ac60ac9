"""Pages that follow the grid and draw nothing: websockets that read every frame as a browser would.

Run:  python -m benchmarks.dashboard.following --url URL --pages N
It says {"following": N} when each has its first frame, and on a line of input {"changes": N, "bytes": B, "whole": B}:
how many changes one page got, their mean size, and that of the first frame, before compression.
"""

import argparse
import asyncio
import json
import sys
from urllib.parse import urlsplit

from websockets.asyncio.client import connect


class Heard:
    """What one page got."""

    def __init__(self) -> None:
        self.whole = 0
        self.changes: list[int] = []


async def _page(url: str, heard: Heard, came: asyncio.Semaphore) -> None:
    async with connect(f"ws://{urlsplit(url).netloc}/live/grid", max_size=None) as socket:
        async for text in socket:
            kind = json.loads(text)["kind"]
            if kind == "whole" and not heard.whole:
                heard.whole = len(text)
                came.release()
            elif kind == "change":
                heard.changes.append(len(text))


async def follow(url: str, pages: int) -> None:
    """Follow until input ends."""
    came, heard = asyncio.Semaphore(0), [Heard() for _ in range(pages)]
    following = [asyncio.create_task(_page(url, each, came)) for each in heard]
    for _ in range(pages):
        await came.acquire()
    print(json.dumps({"following": pages}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    first = heard[0]
    mean = sum(first.changes) // max(1, len(first.changes))
    print(json.dumps({"changes": len(first.changes), "bytes": mean, "whole": first.whole}), flush=True)
    for each in following:
        each.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--pages", type=int, required=True)
    options = parser.parse_args()
    asyncio.run(follow(options.url, options.pages))


if __name__ == "__main__":
    main()
