"""Steps from their options: what they need of the machine is looked for here, before they run."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from headwater.log.writer import NodeLog
from headwater.model.errors import ConfigError
from headwater.pipeline.step_options import (
    AggregateOptions,
    DeduplicateOptions,
    FilterOptions,
    MaskOptions,
    PythonOptions,
    RoundOptions,
    SampleOptions,
    ScaleOptions,
    StepOptions,
)
from headwater.pipeline.steps.names import Names
from headwater.pipeline.steps.port import Step
from headwater.pipeline.steps.python import Python, load
from headwater.pipeline.steps.record_wise import Deduplicate, Filter, Mask, Round, Sample, Scale
from headwater.pipeline.steps.windows import Windows

KEY_BYTES_MIN = 16
KEY_BYTES_MAX = 64


def build(steps: Sequence[StepOptions], at: int, log: NodeLog) -> Step:
    """The step at a position; ConfigError when its key or its function cannot be had."""
    options = steps[at]
    hides = any(isinstance(later, MaskOptions) and later.pseudonyms for later in steps[at + 1 :])
    names = Names(log, hides)
    match options:
        case AggregateOptions():
            return Windows(options, names)
        case FilterOptions():
            return Filter(options, names)
        case ScaleOptions():
            return Scale(options, names)
        case DeduplicateOptions():
            return Deduplicate(options, names)
        case SampleOptions():
            return Sample(options, names)
        case RoundOptions():
            return Round(options, names)
        case MaskOptions():
            return Mask(options, names, secret(options))
        case PythonOptions():
            return Python(options, names, load(options.call))


def check(steps: Sequence[StepOptions]) -> None:
    """ConfigError when a step could not run here."""
    for options in steps:
        if isinstance(options, MaskOptions):
            secret(options)
        elif isinstance(options, PythonOptions):
            load(options.call)


def secret(options: MaskOptions, environment: Mapping[str, str] = os.environ) -> bytes | None:
    """The key of a mask, None when it hides no meters. It is never shown, also not by an error."""
    if options.key_file is not None:
        where = options.key_file
        try:
            key = Path(where).read_bytes().strip()
        except OSError as error:
            raise ConfigError(f"key_file = {where}: cannot be read: {error.strerror}") from None
    elif options.key_env is not None:
        where = f"the environment variable {options.key_env}"
        if options.key_env not in environment:
            raise ConfigError(f"key_env: {where} is not set")
        key = environment[options.key_env].strip().encode()
    else:
        return None
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise ConfigError(f"{where} holds {len(key)} bytes: a key of {KEY_BYTES_MIN} to {KEY_BYTES_MAX} is needed")
    return key
