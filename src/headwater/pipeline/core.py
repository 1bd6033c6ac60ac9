"""What all parts of a pipeline daemon share: the node log, the contexts, what was refused, and who waits for what."""

from collections import Counter
from collections.abc import Callable

from headwater.capture.policy import context_for
from headwater.log.writer import NodeLog
from headwater.model.errors import Rejected
from headwater.model.records import Batch, Config, Kind, Loss, Position, Why
from headwater.model.stamp import Inputs, Origin, Stamp
from headwater.pipeline.options import GatewayOptions
from headwater.wire.records import Record

LATEST_REFUSALS = 20


class Core:
    """One node's pipeline without any connection: it turns what comes in into records."""

    def __init__(self, options: GatewayOptions, log: NodeLog, now_ms: Callable[[], int]) -> None:
        self.options = options
        self.log = log
        self.now_ms = now_ms
        self.refused: Counter[str] = Counter()
        """Readings or records refused, per reason."""
        self.latest_refusals: list[str] = []
        self.connections: dict[bytes, object] = {}
        """The newest connection of each upstream log or source (rule 7)."""
        self.nodes: dict[int, bytes] = {}
        """The log id behind each upstream node id that is connected."""
        self.room: Callable[[], bool] = lambda: True
        """Whether intake may go on; the daemon puts the log's budget behind it."""
        self.appended: Callable[[], None] = lambda: None
        """Called after records were appended: the daemon commits them."""

    @property
    def is_endpoint(self) -> bool:
        return self.options.next is None

    def refuse(self, error: Rejected, count: int = 1) -> None:
        """Count what was refused, and keep the last messages for whoever asks."""
        self.refused[error.reason] += count
        self.latest_refusals = [*self.latest_refusals[1 - LATEST_REFUSALS :], str(error)]

    def context(self, code: Callable[..., object], step: str | None = None) -> bytes:
        """The name of the context of what `code` makes here."""
        options = self.options
        self.appended()
        return self.log.use_context(context_for(code, options.metrics, options.location, options.application, step))

    def batch(
        self,
        kind: Kind,
        origin: Origin,
        entry: bytes,
        count: int,
        payload: bytes,
        *,
        context: bytes,
        inputs: Inputs | None,
        received_ms: int,
        sent_ms: int | None = None,
        upstream: Position | None = None,
        outside: bool = False,
    ) -> Record:
        """Append a batch, stamped if provenance is on."""
        stamp = None
        if self.options.provenance:
            run = self.log.allocate(count)
            stamp = Stamp(run, inputs, context, received_ms, sent_ms, None, outside)
        body = Batch(origin, entry, count, payload, stamp)
        record = self.log.append(kind, body, readings=count, upstream=upstream)
        self.appended()
        return record

    def lose(self, why: Why, upstream: Position, first: int, readings: int = 0) -> None:
        """Name what an upstream had and this log will never hold, and move its position past it (rule 8)."""
        loss = Loss(why, upstream.log, first, upstream.sequence, readings)
        self.log.append_twice(Kind.LOSS, loss, upstream=upstream)
        self.appended()

    def configure(self, successor: int | None) -> None:
        """Log what holds here, if it is not what holds already. A next hop is who it was until it says who it is."""
        options, held = self.options, self.log.state.config
        if successor is None and held is not None and held.next == options.next:
            successor = held.successor
        config = Config(
            options.node,
            options.name,
            options.next,
            successor,
            options.next_protocol,
            options.provenance,
            options.listen,
            tuple(f"{step.function}({step.window_s} s)" for step in options.steps),
            options.when_full,
        )
        if config != held:
            self.log.append_twice(Kind.CONFIG, config)
            self.appended()
