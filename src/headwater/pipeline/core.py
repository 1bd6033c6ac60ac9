"""What all parts of a pipeline daemon share: the node log, the contexts, what was refused, and who waits for what."""

from collections import Counter
from collections.abc import Callable, Sequence

from headwater.capture.policy import context_for
from headwater.log.writer import NodeLog
from headwater.model.errors import Rejected
from headwater.model.records import Batch, Config, Definition, Kind, Limits, Loss, Position, Why
from headwater.model.stamp import Inputs, Origin, Stamp
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.step_options import StepOptions, decode_plan, encode_plan, is_record_wise, masks_meters
from headwater.wire.records import Record

LATEST_REFUSALS = 20


class Core:
    """One node's pipeline without any connection: it turns what comes in into records."""

    def __init__(self, options: GatewayOptions, log: NodeLog, now_ms: Callable[[], int]) -> None:
        self.log = log
        self.now_ms = now_ms
        self._contexts: dict[tuple[Callable[..., object], str | None], bytes] = {}
        self.adopt(options)
        self.refused: Counter[str] = Counter()
        """Readings or records refused, per reason."""
        self.latest_refusals: list[str] = []
        self.troubles: dict[str, str] = {}
        """What cannot be reached at present, and why, in a sentence each."""
        self.connections: dict[bytes, object] = {}
        """The newest connection of each upstream log or source (rule 7)."""
        self.nodes: dict[int, bytes] = {}
        """The log id behind each upstream node id that is connected."""
        self.room: Callable[[], bool] = lambda: True
        """Whether intake may go on; the daemon puts the log's budget behind it."""
        self.appended: Callable[[], None] = lambda: None
        """Called after records were appended: the daemon commits them."""

    def adopt(self, options: GatewayOptions) -> None:
        """Go by these options from the next record on."""
        self.options = options
        self._contexts.clear()
        self._replaced = replaced(options.steps)
        self.log.hides_names = masks_meters(options.steps)

    @property
    def is_endpoint(self) -> bool:
        return self.options.next is None

    def stays(self, kind: int) -> bool:
        """Whether a record that comes in goes no further, for what the steps make of it goes on in its place.

        Where a mask hides names, what is not understood is not let through.
        """
        return kind in self._replaced or (self.log.hides_names and kind not in set(Kind))

    def refuse(self, error: Rejected, count: int = 1) -> None:
        """Count what was refused, and keep the last messages for whoever asks."""
        self.refused[error.reason] += count
        self.latest_refusals = [*self.latest_refusals[1 - LATEST_REFUSALS :], str(error)]

    def context(self, code: Callable[..., object], step: str | None = None) -> bytes:
        """The name of the context of what `code` makes here, as it is configured now."""
        known = self._contexts.get((code, step))
        if known is None:
            options = self.options
            made = context_for(code, options.metrics, options.location, options.application, step)
            known = self._contexts[code, step] = self.log.use_context(made)
            self.appended()
        return known

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
        record = self.log.append(kind, body, readings=count, upstream=upstream, stays=self.stays(kind))
        self.appended()
        return record

    def lose(self, why: Why, upstream: Position, first: int, readings: int = 0) -> None:
        """Name what an upstream had and this log will never hold, and move its position past it (rule 8)."""
        loss = Loss(why, upstream.log, first, upstream.sequence, readings)
        self.log.append_twice(Kind.LOSS, loss, upstream=upstream)
        self.appended()

    def configure(self, successor: int | None, behind: int | None = None) -> None:
        """Log what holds here, if it is not what holds already. A next hop is who it was until it says who it is.

        `behind` is what a former next hop has: the present one gets what is behind it, with all names.
        """
        options, held = self.options, self.log.state.config
        if held is not None and held.next == options.next:
            successor = held.successor if successor is None else successor
        before = held.behind if held is not None and same_hop(held, options) else 0
        config = Config(
            options.node,
            options.name,
            options.next,
            successor,
            options.next_protocol,
            options.provenance,
            options.listen,
            tuple(map(str, options.steps)),
            options.when_full,
            encode_plan(options.steps),
            before if behind is None else behind,
            options.location,
            options.application,
            options.metrics,
            Limits(
                options.storagetime_s, options.log_bytes_max, options.sync_interval_ms_min, options.deduplicate_window
            ),
        )
        if config != held:
            self.log.append_twice(Kind.CONFIG, config)
            hidden = not self.log.hides_names
            self._name(lambda held: held.stays if hidden else False)
            if behind:
                self._name(lambda held: not held.stays)
            self.appended()

    def _name(self, which: Callable[[Definition], bool]) -> None:
        """Define some series once more: their names were hidden, or went to another next hop."""
        for held in [held for held in self.log.state.series.values() if which(held)]:
            self.log.append_twice(
                Kind.DEFINITION, Definition(held.log, held.number, held.meter, held.metric, held.damaged)
            )


def same_hop(config: Config, options: GatewayOptions) -> bool:
    """Whether what a `config` record says of the next hop still holds."""
    return (config.next, config.protocol) == (options.next, options.next_protocol)


def replaced_by(config: Config | None) -> frozenset[int]:
    """As `replaced`, of what a `config` record says."""
    return replaced(decode_plan(config.plan)) if config is not None and config.plan is not None else frozenset()


def replaced(steps: Sequence[StepOptions]) -> frozenset[int]:
    """The kinds of record that stay where they are, because steps put others in their place."""
    replacing = [step for step in steps if step.output == "replace"]
    kinds = {Kind.DATA} if replacing else set()
    return frozenset(kinds | ({Kind.OUT} if any(map(is_record_wise, replacing)) else set()))
