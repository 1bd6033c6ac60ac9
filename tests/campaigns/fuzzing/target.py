"""What is fuzzed: a named target that makes an input from randomness, feeds it, and checks what is promised."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import NamedTuple

Check = Callable[[Random], str]
"""Makes one input and feeds it; answers a word for what became of it; raises when a promise is broken."""


class Target(NamedTuple):
    """Something that reads what anyone may send."""

    name: str
    promise: str
    open: Callable[[Path], AbstractContextManager[Check]]
    """Given an empty folder of its own."""


def changed(random: Random, data: bytes) -> bytes:
    """The same bytes with a few of them changed, cut out, doubled or put in."""
    text = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(text))
        match random.randrange(6):
            case 0:
                text[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                del text[at : at + random.randint(1, 8)]
            case 2:
                text[at:at] = random.randbytes(random.randint(1, 8))
            case 3:
                text[at:at] = text[at : at + random.randint(1, 32)]
            case 4:
                text[at : at + 8] = random.choice([b"\0", b"\xff", b"\x7f\xff\xff\xff"]) * random.randint(1, 4)
            case _:
                if text:
                    text[at % len(text)] ^= 1 << random.randrange(8)
    return bytes(text)
