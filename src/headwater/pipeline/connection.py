"""What every connection of an upstream shares: who it is, how far it is, and whether another has taken over."""

from headwater.model.errors import Rejected
from headwater.pipeline.core import Core
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import LINK_VERSION


def check_hello(core: Core, hello: pb.Hello) -> None:
    """Rejected when no connection can come of this; the sentence is for the operator of the other end."""
    options = core.options
    if hello.version != LINK_VERSION:
        raise Rejected("version", f"link version {hello.version}, {LINK_VERSION} is spoken here: use the same release")
    if hello.site != options.site:
        raise Rejected("site", f"this node belongs to site {options.site!r}, not {hello.site!r}")
    if len(hello.log) != 8:
        raise Rejected("hello", f"a log or source id has 8 bytes, not {len(hello.log)}")
    position = core.log.state.positions.get(hello.log, 0)
    if position > hello.last:
        what, remedy = ("source", "choose another --journal") if hello.source else ("log", "start it with --new-log")
        raise Rejected(
            "ahead",
            f"{position} was received of {what} {hello.log.hex()}, which now ends at {hello.last}: "
            f"it lost synced data, {remedy}",
        )


class Connection:
    """One connection of an upstream log or a numbered source; a later one of the same ends it (PROTOCOL rule 7)."""

    def __init__(self, core: Core, hello: pb.Hello) -> None:
        """Rejected when nothing can come of it; `begin` makes it the one that counts."""
        check_hello(core, hello)
        self._core = core
        self._upstream = bytes(hello.log)
        self.messages = 0
        """How many have come: each is a sign of life."""

    def begin(self) -> None:
        """From now on this is the connection of its upstream."""
        self._core.connections[self._upstream] = self

    @property
    def position(self) -> int:
        """How far the upstream is logged here, durably or not."""
        return self._core.log.state.positions.get(self._upstream, 0)

    @property
    def durable(self) -> int:
        """What is acknowledged: how far the upstream is durable here."""
        return self._core.log.durable_positions.get(self._upstream, 0)

    @property
    def ended(self) -> bool:
        """Whether a later connection has taken over."""
        return self._core.connections.get(self._upstream) is not self

    def check_current(self) -> None:
        """Rejected when a later connection has taken over."""
        if self.ended:
            raise Rejected("superseded", "a later connection of this log or source has taken over")

    def close(self) -> None:
        if not self.ended:
            del self._core.connections[self._upstream]

    def welcome(self) -> pb.Down:
        """Where the upstream is to go on."""
        core = self._core
        return pb.Down(
            welcome=pb.Welcome(
                version=LINK_VERSION,
                node=core.options.node.to_bytes(3, "big"),
                log=core.log.log,
                durable=self.durable,
                name=core.options.name,
            )
        )
