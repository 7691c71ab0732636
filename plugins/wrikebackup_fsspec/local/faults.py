"""What an operating system's refusal means to the owner of a backup."""

from __future__ import annotations

import errno

from wrikebackup_core import KeyUnfit, SinkError, SinkFull

__all__ = ["failed"]

_HINTS = {
    errno.EACCES: "see who owns the folder and who may write there",
    errno.EPERM: "see who owns the folder and who may write there",
    errno.EROFS: "the file system is mounted read-only, or closed to a service: where the profile has changed, `schedule install` again",
    errno.EFBIG: "the file system or a limit (ulimit -f) forbids files of this size; FAT ends at 4 GiB",
    errno.EMFILE: "lower `transfers` in the profile, or raise ulimit -n",
    errno.ENAMETOOLONG: "choose a shorter path for the sink",
    errno.EIO: "the disk or the network behind it is in trouble; look at the system log",
    errno.ENOTDIR: "a file stands where a folder is needed",
}
_UNFIT = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}  # the last two: characters that the file system does not take
_FULL = {errno.ENOSPC: "make room (df -h), or free inodes (df -i)", errno.EDQUOT: "the disk quota is used up"}


def failed(what: str, path: str, error: OSError) -> SinkError:
    """The error to raise in place of `error`; `what` is what was tried, such as `write`."""
    reason = (error.strerror or str(error)).lower()
    message = f"cannot {what} {path}: {reason}"
    if error.errno in _FULL:
        return SinkFull(message, hint=_FULL[error.errno])
    kind = KeyUnfit if error.errno in _UNFIT else SinkError
    return kind(message, hint=_HINTS.get(error.errno or 0))
