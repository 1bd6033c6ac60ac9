"""What the chain asks of any step."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from headwater.pipeline.step_options import StepOptions
from headwater.pipeline.steps.portion import Made, Portion, Recorded


class Step(Protocol):
    """A fold over batches: it decides, the chain reads and writes."""

    @property
    def options(self) -> StepOptions: ...

    @property
    def code(self) -> Callable[..., object]:
        """What makes the outputs, for their context."""

    def take(self, portion: Portion, recorded: list[Recorded]) -> list[Made]:
        """Take in readings; what is made of them and is not recorded yet. Rejected when they cannot be treated."""

    def close_all(self, recorded: list[Recorded]) -> list[Made]:
        """The clock, an operator or other options end what is open; what that makes and is not recorded yet."""

    def recall(self, portion: Portion, recorded: Recorded) -> None:
        """What was consumed for a recorded output cannot be read any more: take from the output what it says."""

    def state(self) -> object:
        """What a checkpoint keeps, for msgspec to encode."""

    def restore(self, state: msgspec.Raw) -> None:
        """Go on from what a checkpoint kept; msgspec.DecodeError when it cannot be read."""
