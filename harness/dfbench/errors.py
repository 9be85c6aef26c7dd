"""Errors a user can mend: one line that says what is wrong and how to put it right.

    DfbenchError
    ├── UnknownNameError      no card of that name; carries the near matches
    ├── NameClashError        two plugins offer the name; ``plugin/name`` settles it
    ├── PluginError           a card points at something that cannot be used
    ├── OptionError           a detector's or dataset's own option is wrong
    ├── DataError             data root, layout, labels, records
    │   ├── SplitError        too few videos, one class only, or a leak
    │   └── VideoError        one video cannot be read (becomes a row with that status)
    ├── WeightsError          missing, damaged, or for another network
    ├── StoreError            the face store cannot be read or written
    ├── TrainingError         the loss is no longer a number
    ├── ResourceError         device, memory, disk, permissions
    ├── ResultError           a result file that cannot be read or does not hold
    └── TrackingError         the tracking server did not take the run

The command line prints the message of a ``DfbenchError`` and exits with 1; any other exception
is a fault of the program and keeps its traceback.
"""

from __future__ import annotations

import errno


class DfbenchError(Exception):
    """Base of everything the user can mend."""


class UnknownNameError(DfbenchError):
    """No card of that name."""


class NameClashError(DfbenchError):
    """Two plugins offer the same name."""


class PluginError(DfbenchError):
    """A plugin, or what its card points to, cannot be used."""


class OptionError(DfbenchError):
    """An option of a detector or dataset is unknown or has a wrong value."""


class DataError(DfbenchError):
    """The data on disk is not what the dataset's card describes."""


class SplitError(DataError):
    """A split is too small, has one class only, or shares something with another split."""


class VideoError(DataError):
    """One video cannot be read."""


class WeightsError(DfbenchError):
    """Weights are missing, damaged, or belong to another network."""


class StoreError(DfbenchError):
    """The face store cannot be read or written."""


class TrainingError(DfbenchError):
    """Training cannot go on; the last good checkpoint is kept."""


class ResourceError(DfbenchError):
    """A device, memory, disk space or a permission is lacking."""


class ResultError(DfbenchError):
    """A result file cannot be read, or its parts disagree."""


class TrackingError(DfbenchError):
    """The tracking server did not take the run; the run itself is safe on disk."""


def mendable(error: Exception) -> Exception:
    """A full or read-only disk as an error in one line; any other exception as it is."""
    if isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EACCES,
        errno.EROFS,
        errno.EPERM,
    ):
        where = f" ({error.filename})" if error.filename else ""
        return ResourceError(f"{error.strerror}{where}: free space, or choose another place")
    return error
