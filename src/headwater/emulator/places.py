"""Where an emulator keeps its journal: a folder of its own, or a place in one that several emulators share."""

from headwater.emulator.options import SensorOptions
from headwater.log.disk import RealDisk
from headwater.model.errors import Unavailable

PLACES_MAX = 10_000


def open_journal(options: SensorOptions) -> RealDisk:
    """The folder of the journal, locked; Unavailable when another process has it, or all places of a shared one.

    A place that a killed emulator leaves is taken before a fresh one: who comes next goes on where it was.
    """
    if not options.shared_journal:
        return _locked(RealDisk(options.journal))
    for place in range(1, PLACES_MAX + 1):
        disk = RealDisk(options.journal / str(place))
        try:
            return _locked(disk)
        except Unavailable:
            continue
    raise Unavailable(f"{options.journal} has no place left: {PLACES_MAX} emulators share it")


def _locked(disk: RealDisk) -> RealDisk:
    try:
        disk.lock()
    except BaseException:
        disk.close()
        raise
    return disk
