"""The invariants of PROTOCOL.md, checked on what was ever durable when a run has come to rest."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from headwater.model.ids import DataPointId
from headwater.model.records import Kind, Loss, Trigger, Why
from headwater.model.stamp import Lists, OriginKind, input_ids, inputs_of
from tests.simulation.ghost import Durable, Ghost, Missing
from tests.simulation.source import Reading, Source
from tests.simulation.steps import WINDOW_S, lets_through, metric_behind
from tests.simulation.store import Violation
from tests.simulation.stream import Stream
from tests.simulation.world import World


class Check:
    """`named` is what the endpoint was told of each log and source, `told` what the store was told."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = world.store
        self.ghosts: dict[str, Ghost] = {name: node.ghost for name, node in world.nodes.items()}
        self.endpoint = self.ghosts["E"]
        self.steps = world.nodes["C"].options.steps
        self.arrival = self.ghosts["C" if world.nodes["C"].replaces else "E"]
        """Where readings end, and outputs go on alone if so decided."""
        self.named = Missing(self.endpoint.losses)
        self.told = Missing(self.store.losses)
        self.points = {point: place for ghost in self.ghosts.values() for point, place in ghost.points.items()}
        sources: list[Source | Stream] = [*world.sources, world.stream]
        self.made = {reading.value: (source, reading) for source in sources for reading in source.made.values()}

    def all(self) -> None:
        self.damage()
        self.gaps()
        self.delivery()
        self.order()
        self.lineage()
        self.passed_on()
        Windows(self).all()
        self.stamps()

    @property
    def is_strict(self) -> bool:
        """A gateway that has lost the end of its log to a flipped bit may log readings again; an endpoint never."""
        return self.arrival is self.endpoint or not any(node.flipped for node in self.world.nodes.values())

    def is_named(self, held: Durable) -> bool:
        """Whether endpoint or store was told that a record is lost."""
        log = self.ghosts[held.node].log
        return self.named.has(log, held.sequence) or self.told.has(log, held.sequence)

    def is_lost(self, held: Durable) -> bool:
        """Whether a record may lack what only it could give."""
        return held.flipped or held.cut or self.is_named(held)

    def source_named(self, source: Source | Stream, number: int) -> bool:
        return self.named.has(source.id, number)

    # ---- the invariants ----------------------------------------------------------------------------------------------

    def damage(self) -> None:
        """A flipped bit takes one record, and names it; a cut takes nothing that was synced, unless it was flipped."""
        for node in self.world.nodes.values():
            on_disk = node.sequences_on_disk()
            for held in node.ghost.records.values():
                explained = node.log.state.is_explained(held.sequence, held.sequence)
                if held.flipped and held.sequence in on_disk.damaged and not explained:
                    raise Violation(f"{held} is damaged on disk and not named")
                if held.cut and not any(other.flipped for other in node.ghost.records.values()):
                    raise Violation(f"{held} was durable and is cut")

    def gaps(self) -> None:
        """A gap is named only where something is missing, and only for a reason."""
        nodes = {node.log_id: node for node in self.world.nodes.values()}
        for target in nodes.values():
            for held in target.ghost.records.values():
                loss, upstream = held.body, held.record.upstream
                if not isinstance(loss, Loss) or loss.why != Why.GAP or upstream is None or upstream.log != loss.log:
                    continue
                source = nodes.get(loss.log)
                if target.flipped or (source is not None and source.flipped):
                    continue
                if source is None:
                    raise Violation(f"{held}: readings {loss.first} to {loss.last} were acknowledged and are lost")
                lost = [source.ghost.records.get(at) for at in range(loss.first, loss.last + 1)]
                dropped = Missing([found for found in source.ghost.losses if found.why == Why.DROPPED])
                if not any(found is not None and dropped.has(loss.log, found.sequence) for found in lost):
                    raise Violation(f"{held}: {loss.first} to {loss.last} of {source.name} are not missing")

    def delivery(self) -> None:
        """Every acknowledged reading is at the endpoint exactly once, or named."""
        at: dict[float, list[Durable]] = defaultdict(list)
        for ghost in self.ghosts.values():
            for held in ghost.records.values():
                for value in held.values if held.kind == Kind.DATA and not is_output(held) else ():
                    at[value].append(held)
        for value, (source, reading) in self.made.items():
            seen = at.get(value, [])
            ends = [held for held in seen if held.node == self.arrival.node and self._delivered(held)]
            if len(ends) > 1 and self.is_strict:
                raise Violation(f"{source.name}/{reading.number} was delivered {len(ends)} times: {ends}")
            if ends or not source.acknowledged(reading.number):
                continue
            if isinstance(source, Stream) and any(held.cut for held in seen):
                continue
            if not self.source_named(source, reading.number) and not any(map(self._named_at_end, seen)):
                raise Violation(f"{source.name}/{reading.number} acknowledged, not delivered, not named; was in {seen}")

    def _delivered(self, held: Durable) -> bool:
        return not held.cut and not (held.flipped and self._named_at_end(held))

    def _named_at_end(self, held: Durable) -> bool:
        return self.named.has(self.ghosts[held.node].log, held.sequence)

    def passed_on(self) -> None:
        """What replaces a reading is at the endpoint once, in order, and leads to it; or its loss is named."""
        if self.arrival is self.endpoint:
            return
        last = max(at for at, step in enumerate(self.steps) if step.output == "replace")
        for held in self.endpoint.records.values():
            if held.batch is not None and (not is_output(held) or held.batch.origin.step < last):
                raise Violation(f"{held} was replaced, and is at the endpoint")
        if last == len(self.steps) - 1:
            return
        arrived = [held for held in self.of_step(self.endpoint, len(self.steps) - 2) if self._delivered(held)]
        at: dict[float, list[Durable]] = defaultdict(list)
        for held in arrived:
            for position, value in enumerate(held.values):
                at[value].append(held)
                if not held.flipped and not held.cut:
                    self._walk(held, position)
        for value in self._entered():
            if len(at[value]) > 1 and not any(node.flipped for node in self.world.nodes.values()):
                raise Violation(f"{self.made[value][1]} was passed on {len(at[value])} times: {at[value]}")
            if bool(at[value]) != lets_through(self.steps, value) and not self._lost_on_the_way(value):
                raise Violation(f"{self.made[value][1]} passed the steps {len(at[value])} times")
        if not any(node.flipped for node in self.world.nodes.values()):
            self._check_order(arrived)

    def of_step(self, ghost: Ghost, step: int) -> list[Durable]:
        """What a step made, wherever it is now."""
        outputs = (held for held in ghost.records.values() if is_output(held))
        return [held for held in outputs if held.batch is not None and held.batch.origin.step == step]

    def _entered(self) -> set[float]:
        """The readings that the node with the steps has."""
        return {value for held in self._readable(self.arrival, Kind.DATA) for value in held.values}

    def _lost_on_the_way(self, value: float) -> bool:
        steps = range(len(self.steps) - 1)
        seen = [held for ghost in self.ghosts.values() for step in steps for held in self.of_step(ghost, step)]
        seen += [held for held in self.arrival.records.values() if held.kind == Kind.DATA]
        return any(value in held.values and self.is_lost(held) for held in seen)

    def order(self) -> None:
        """Readings of one source and series reach the endpoint in the order of their numbers."""
        self._check_order(self._readable(self.arrival, Kind.DATA))

    def _check_order(self, records: Iterable[Durable]) -> None:
        last: dict[tuple[str, str], int] = {}
        for held in records:
            for value in held.values:
                source, reading = self.made[value]
                if reading.number <= last.get((source.name, reading.meter), 0) and self.is_strict:
                    raise Violation(f"{source.name}/{reading.number} of {reading.meter} in {held} is out of order")
                last[source.name, reading.meter] = reading.number

    def _readable(self, ghost: Ghost, kind: Kind) -> Iterator[Durable]:
        for held in ghost.records.values():
            if held.kind == kind and not held.flipped and not held.cut:
                yield held

    def lineage(self) -> None:
        """From every delivered reading the stamps in the store lead to exactly the reading that was made."""
        for held in self._readable(self.arrival, Kind.DATA):
            for position in range(len(held.values)):
                self._walk(held, position)

    def _walk(self, held: Durable, position: int) -> None:
        value, end = held.values[position], (held, position)
        source, reading = self.made[value]
        while held.stamp is not None:
            if held.stamp_key not in self.store.stamps:
                if not self.is_lost(held):
                    raise Violation(f"lineage of {end}: {held} has no stamp in the store and is not named")
                return
            _, shipped = self.store.stamps[held.stamp_key]
            if shipped.stamp.inputs is None:
                break
            (run,) = inputs_of(shipped.stamp, position)
            held, position = self.points[run.node, run.start]
        batch = held.batch
        assert batch is not None
        first = (batch.origin.kind, batch.origin.stream, batch.origin.number + position)
        meant = (OriginKind.SOURCE, source.id, reading.number)
        if isinstance(source, Stream):
            meant = (OriginKind.ENTRY, self.ghosts[held.node].log, held.sequence + position)
        if first != meant or held.values[position] != value:
            raise Violation(f"lineage of {end} ({source.name}/{reading.number}) ends at {held} {position}: {first}")
        self._check_key(end, reading)

    def _check_key(self, end: tuple[Durable, int], reading: Reading) -> None:
        """The series at the endpoint is the one that was meant, or shown as damaged."""
        held, position = end
        assert held.batch is not None
        name = (held.batch.entry, int(held.columns.series[position]))
        definition = self.world.nodes[held.node].log.state.series.get(name)
        metric = metric_behind(self.steps, reading.key.metric) if is_output(held) else reading.key.metric
        if definition is None or (
            not definition.damaged and (definition.meter, definition.metric) != (reading.meter, metric)
        ):
            raise Violation(f"{reading} is a reading of {definition} at the endpoint ({held})")
        if int(held.columns.timestamps[position]) != reading.timestamp:
            raise Violation(f"{reading} has another time at the endpoint ({held})")

    def stamps(self) -> None:
        """The store has the stamp of every durable record or was told; and none of what was never durable."""
        for key, (log, shipped) in self.store.stamps.items():
            if key not in self.points or self.points[key][0].sequence != shipped.sequence:
                raise Violation(
                    f"the store has stamp {key} of record {shipped.sequence} of {log!r}: it never was durable"
                )
            if shipped.stamp.context not in self.store.contexts:
                raise Violation(f"stamp {key} names context {shipped.stamp.context.hex()}, which the store lacks")
        for ghost in self.ghosts.values():
            for held in ghost.records.values():
                if held.stamp is not None and held.stamp_key not in self.store.stamps and not self.is_lost(held):
                    raise Violation(f"the store lacks the stamp of {held}, which is not named")


def is_output(held: Durable) -> bool:
    """Whether a step made it, here or at an earlier node."""
    return held.batch is not None and held.batch.origin.kind == OriginKind.STEP


def aggregate(function: str, values: list[float]) -> float:
    """What a window's readings, which are whole numbers here, have to give."""
    match function:
        case "average":
            return sum(values) / len(values)
        case "count":
            return float(len(values))
        case "last":
            return values[-1]
        case "min":
            return min(values)
        case "max":
            return max(values)
    return sum(values)


class Windows:
    """Aggregates: each output has exactly its inputs, and no window is emitted twice or never."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._steps = check.ghosts["C"]
        self._at = len(check.steps) - 1
        """Which of the steps the aggregate is."""
        self._late: set[float] = set()
        """What the step called late."""
        self._used: dict[float, tuple[str, int]] = {}
        self._seen: set[tuple[bytes, int, int]] = set()

    def all(self) -> None:
        self._made_once()
        for held in self._check.of_step(self._check.endpoint, self._at):
            if not held.flipped and not held.cut:
                self._output(self._made_at(held))
        for held in self._steps.records.values():
            if held.kind == Kind.OUT and held.batch is not None and held.batch.trigger is not None:
                self._late |= set(self._called_late(held.batch.trigger))
        self._complete()

    def _called_late(self, trigger: Trigger) -> Iterator[float]:
        """The readings that an output calls late, by their positions in what was consumed."""
        for held in self._steps.records.values() if trigger.late else ():
            if self._is_consumed(held, trigger):
                yield from (held.values[position] for position in trigger.late)
                return

    def _is_consumed(self, held: Durable, trigger: Trigger) -> bool:
        if self._at == 0:
            return held.sequence == trigger.sequence
        made = held.batch.trigger if held.batch is not None else None
        if held.batch is None or made is None:
            return False
        where = (made.step, made.sequence, held.batch.origin.part)
        return where == (self._at - 1, trigger.sequence, trigger.consumed)

    def _made_once(self) -> None:
        """In the step's own log too, whatever the endpoint refuses."""
        made: dict[tuple[bytes, int, int], Durable] = {}
        for held in self._steps.records.values():
            if held.kind != Kind.OUT or held.flipped or held.cut or held.batch is None or held.batch.trigger is None:
                continue
            for window in held.batch.trigger.closed:
                if made.setdefault(window, held) is not held:
                    raise Violation(f"window {window} is in {made[window]} and in {held}")

    def _made_at(self, delivered: Durable) -> Durable:
        """The step's own record of an output, found through the endpoint's stamp."""
        assert delivered.stamp is not None
        (run,) = inputs_of(delivered.stamp, 0)
        return self._check.points[run.node, run.start][0]

    def _output(self, held: Durable) -> None:
        batch, stamp = held.batch, held.stamp
        assert batch is not None
        assert stamp is not None
        assert isinstance(batch.trigger, Trigger)
        assert isinstance(stamp.inputs, Lists)
        for position, (series, start, value) in enumerate(zip(*map(list, held.columns), strict=True)):
            meter, _ = self._steps.series[batch.entry, int(series)]
            window = (meter, int(start))
            points = list(input_ids(inputs_of(stamp, position)))
            found = [self._input(held, window, point) for point in points]
            if value != aggregate(stamp.inputs.contribution, found):
                raise Violation(f"window {window} in {held} is {value}, its inputs {found}")
            ((entry, number),) = set(map(self._series_of, points))
            if (entry, number, int(start)) in self._seen:
                raise Violation(f"window {window} was emitted twice, again in {held}")
            self._seen.add((entry, number, int(start)))

    def _series_of(self, point: DataPointId) -> tuple[bytes, int]:
        record, position = self._check.points[point.node, point.ordinal]
        assert record.batch is not None
        return record.batch.entry, int(record.columns.series[position])

    def _input(self, held: Durable, window: tuple[str, int], point: DataPointId) -> float:
        place = self._check.points.get((point.node, point.ordinal))
        if place is None:
            raise Violation(f"window {window} in {held}: its input {point} was never durable")
        record, position = place
        value = record.values[position]
        source, reading = self._check.made[value]
        if (reading.meter, reading.timestamp // (1000 * WINDOW_S) * 1000 * WINDOW_S) != window:
            raise Violation(f"window {window} in {held} has the input {reading}")
        if value in self._used:
            raise Violation(f"{source.name}/{reading.number} is in the windows {self._used[value]} and {window}")
        self._used[value] = window
        return value

    def _complete(self) -> None:
        check = self._check
        outputs = [held for held in self._steps.records.values() if held.kind == Kind.OUT]
        arrived = [held for held in check.endpoint.records.values() if is_output(held)]
        if any(map(check.is_lost, outputs)) or any(held.flipped for held in arrived):
            return
        for held in self._steps.records.values():
            for value in held.values if held.kind == Kind.DATA else ():
                late = value in self._late
                if late and value in self._used and check.is_strict:
                    raise Violation(f"{check.made[value][1]} is called late and in window {self._used[value]}")
                if late or value in self._used or not lets_through(check.steps, value):
                    continue
                if not check.is_lost(held) and not self._again(held, value):
                    raise Violation(f"{check.made[value][1]} ({held}) is in no window and not late")

    def _again(self, held: Durable, value: float) -> bool:
        """Whether another record of the step's log has the reading too: the step took it from there."""
        others = (other for other in self._steps.records.values() if other is not held and other.kind == Kind.DATA)
        return any(value in other.values for other in others)
