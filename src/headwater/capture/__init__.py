"""The library a programmer imports: `record` a value, `derive` one from others, and every value can be explained.

    from headwater.capture import Recorder

    with Recorder("var/lab", node="0000a1") as recorder:
        power = recorder.record("meter-1", "power", 231.4)

docs/capture.md tells the rest.
"""

from headwater.capture.levels import carried, within
from headwater.capture.recorder import Recorder
from headwater.capture.results import Made, Point
from headwater.capture.shared import close, configure, derive, flush, record, traced
from headwater.model.context import Location
from headwater.model.ids import DataPointId
from headwater.model.reading import Reading

__all__ = [
    "DataPointId",
    "Location",
    "Made",
    "Point",
    "Reading",
    "Recorder",
    "carried",
    "close",
    "configure",
    "derive",
    "flush",
    "record",
    "traced",
    "within",
]
