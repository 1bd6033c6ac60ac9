"""A link between two ends: connections whose messages wait in queues, and that break with messages under way."""

import random
from collections import deque
from typing import Protocol

from headwater.model.errors import Rejected
from headwater.pipeline.receiver import Inflow
from headwater.pipeline.sources import SourceInflow
from headwater.wire import headwater_pb2 as pb
from tests.simulation.source import Source

REASONS = {"superseded", "ahead", "order"}
"""Why a receiver may end a connection here: a later one took over, or its Hello or records come from one that broke."""


class Sender(Protocol):
    """What sends: the real `Outflow`, or a source."""

    ready: bool

    def hello(self) -> pb.Up: ...

    def take(self, down: pb.Down) -> list[pb.Up]: ...

    def following(self) -> pb.Up | None: ...


class Receiver(Protocol):
    """The node at the receiving end."""

    name: str

    @property
    def alive(self) -> bool: ...

    def open(self, hello: pb.Hello) -> Inflow | SourceInflow: ...

    def has_room(self) -> bool: ...

    def is_durable(self, sequence: int) -> bool: ...

    @property
    def sequence(self) -> int: ...


class SendingNode(Protocol):
    """The node at the sending end."""

    name: str

    @property
    def alive(self) -> bool: ...

    @property
    def sender(self) -> Sender: ...


class Connection:
    """One connection: bytes under way in both directions, and the receiver's end once it has read the Hello."""

    def __init__(self) -> None:
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.inflow: Inflow | SourceInflow | None = None
        self.owed = 0
        """What has to be durable before the Welcome."""
        self.welcomed = False
        self.told = -1


class SourceEnd:
    """A source as the sending end of a link."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self.sender = source

    @property
    def alive(self) -> bool:
        return self.sender.alive


class Link:
    """One connection at a time as the sender sees it; `old` ones are broken, and may still deliver."""

    def __init__(self, rng: random.Random, source: SendingNode, target: Receiver) -> None:
        self._rng = rng
        self.source = source
        self.target = target
        self.name = source.name + target.name
        self.now: Connection | None = None
        self.old: list[Connection] = []
        self.away_steps = 0
        """For how long no connection comes about."""

    # ---- the sending end -------------------------------------------------------------------------------------------

    def connect(self) -> bool:
        if self.now is not None or self.away_steps or not (self.source.alive and self.target.alive):
            return False
        self.now = Connection()
        self.now.up.append(self.source.sender.hello().SerializeToString())
        return True

    def send(self) -> bool:
        if self.now is None or not self.source.alive:
            return False
        try:
            up = self.source.sender.following()
        except OSError:
            self.cut()  # How far is sent cannot be noted.
            return True
        if up is None:
            return False
        self.now.up.append(up.SerializeToString())
        return True

    def back(self) -> bool:
        """The sender reads one message."""
        if self.now is None or not self.now.down or not self.source.alive:
            return False
        down = pb.Down.FromString(self.now.down.popleft())
        if down.HasField("refusal") and down.refusal.fatal:
            self.cut()
            return True
        for up in self.source.sender.take(down):
            self.now.up.append(up.SerializeToString())
        return True

    # ---- the receiving end -----------------------------------------------------------------------------------------

    def deliver(self) -> bool:
        return self.now is not None and self._read(self.now)

    def deliver_old(self) -> bool:
        """What a broken connection had under way comes in after all."""
        if not self.old or not self.target.alive:
            return False
        connection = self._rng.choice(self.old)
        if not connection.up:
            self.old.remove(connection)
            if connection.inflow is not None:
                connection.inflow.close()
            return True
        return self._read(connection)

    def acknowledge(self) -> bool:
        """Welcome when what the Hello made is durable; then what is durable, told again while anything is under way."""
        connection = self.now
        if connection is None or connection.inflow is None or not self.target.alive:
            return False
        if connection.inflow.ended:
            self.cut()
            return True
        if not connection.welcomed:
            if not self.target.is_durable(connection.owed):
                return False
            connection.welcomed = True
            connection.down.append(connection.inflow.welcome().SerializeToString())
            return True
        durable = connection.inflow.durable
        if durable == connection.told:
            return False
        connection.told = durable
        connection.down.append(pb.Down(durable=durable).SerializeToString())
        return True

    def _read(self, connection: Connection) -> bool:
        """The receiver reads one message of a connection, if it may."""
        if not connection.up or not self.target.alive:
            return False
        up = pb.Up.FromString(connection.up[0])
        try:
            if up.HasField("hello"):
                connection.inflow = self.target.open(up.hello)
                connection.owed = self.target.sequence
            else:
                assert connection.inflow is not None
                if not connection.inflow.ended and not self.target.has_room():
                    return False
                connection.down.extend(down.SerializeToString() for down in connection.inflow.take(up))
        except Rejected as error:
            if error.reason not in REASONS:
                raise
            self._end(connection)
            return True
        connection.up.popleft()
        return True

    def _end(self, connection: Connection) -> None:
        if connection.inflow is not None:
            connection.inflow.close()
        if connection is self.now:
            self.cut()
        else:
            self.old.remove(connection)

    # ---- faults ----------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """The sender loses the connection; the receiver may still read the beginning of what was under way."""
        if self.now is None:
            return
        connection, self.now = self.now, None
        if self.source.alive:
            self.source.sender.ready = False
        if self.target.alive:
            keep = self._rng.randint(0, len(connection.up))
            connection.up = deque(list(connection.up)[:keep])
            self.old.append(connection)

    def follow_deaths(self) -> None:
        """A dead end breaks the connection; a dead receiver reads nothing any more."""
        if not (self.source.alive and self.target.alive):
            self.cut()
        if not self.target.alive:
            self.old.clear()
