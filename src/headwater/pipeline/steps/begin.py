"""The change from the steps that held to those configured: nobody overtakes what still waits for the former."""

from headwater.log.cursors import load_cursor
from headwater.log.disk import Disk
from headwater.pipeline.core import Core, replaced, replaced_by, same_hop
from headwater.pipeline.sender import FORWARD
from headwater.pipeline.step_options import StepOptions
from headwater.pipeline.steps.build import check
from headwater.pipeline.steps.chain import Chain


def overtaken(core: Core, chain: Chain, steps: tuple[StepOptions, ...]) -> bool:
    """Whether readings would pass, by the next record, others that wait for steps that hold until then."""
    return bool(replaced_by(core.log.state.config) - replaced(steps)) and not chain.caught_up


def wake(disk: Disk, chain: Chain, steps: tuple[StepOptions, ...]) -> None:
    """Have a chain that had nothing to do read from here on, if there will be steps; synced, and so blocks."""
    if steps and (held := chain.wake()) is not None:
        disk.replace(chain.file, held)


def begin(core: Core, disk: Disk, chain: Chain) -> None:
    """At a start: go over to the steps that are configured, and log what holds.

    ConfigError when one of them could not run here.
    """
    check(core.options.steps)
    wake(disk, chain, core.options.steps)
    while overtaken(core, chain, core.options.steps):
        chain.advance()
        core.log.commit()
    held, options = core.log.state.config, core.options
    elsewhere = held is not None and None not in (held.next, options.next) and not same_hop(held, options)
    core.configure(options.successor, load_cursor(disk, FORWARD).sequence if elsewhere else None)
