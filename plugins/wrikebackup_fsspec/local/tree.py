"""Walking, making and removing folders and files below a root. Symbolic links are never followed."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence

from wrikebackup_core import Entry, SinkError
from wrikebackup_fsspec.keys import FOREIGN, TEMPORARY_SUFFIX, is_probe, is_temporary
from wrikebackup_fsspec.local.faults import failed

__all__ = [
    "delete",
    "entries",
    "files_in",
    "fitting",
    "folders",
    "make_folder",
    "path_of",
    "refuse_links",
    "size_of",
    "sweep",
]

_SHOWN = 200
_TOGETHER = 2000
_GONE = {errno.ENOENT, errno.ENOTDIR}


def make_folder(path: str) -> None:
    """Makes the folder and those above it, for the owner only: they hold account data.

    Raises OSError; FileNotFoundError also where another thread removes a folder in the same moment: then try again.
    """
    if os.path.isdir(path):
        return
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        # Another thread was faster and may even have removed it again, which FileNotFoundError tells.
        if not os.path.isdir(path) and stat.S_ISREG(os.lstat(path).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from None
    except FileNotFoundError:
        parent = os.path.dirname(path)
        if parent == path:  # a Windows drive that is not there
            raise
        make_folder(parent)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)


def refuse_links(root: str, folder: str) -> None:
    """Raises SinkError where a symbolic link between the root and the folder leads elsewhere. The root itself may be one."""
    real = os.path.realpath(root)
    expected = os.path.join(real, os.path.relpath(folder, root)) if folder != root else real
    if os.path.normcase(os.path.realpath(folder)) != os.path.normcase(expected):
        raise SinkError(
            f"{folder} leads elsewhere: there is a symbolic link on the way",
            hint=f"put a folder in the place of the link, or make {root} itself the link",
        )


def entries(root: str, prefix: str, passed_over: list[str]) -> Iterator[Entry]:
    """Every committed file below a folder. Raises SinkError for a folder that cannot be read.

    What no key can be called comes into `passed_over` instead, as it can be shown, some hundred of it at most.
    """
    for below, files in files_in(root, [prefix], passed_over):
        for entry in files:
            if (size := size_of(root, below, entry)) is not None:
                yield Entry(below + entry.name, size)


def size_of(root: str, below: str, entry: os.DirEntry[str]) -> int | None:
    """None for one that is being deleted."""
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        raise failed("list", os.path.join(root, below + entry.name), error) from error


def files_in(root: str, folders: Iterable[str], passed_over: list[str]) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Files of these folders and all below them, many of one folder together as there may be a million, and what goes before their names.
    They can be asked for more until the next come. Raises SinkError for a folder that cannot be read.
    """
    folders = list(folders)
    while folders:
        folder = folders.pop()
        path = path_of(root, folder)
        below = f"{folder}/" if folder else ""
        try:
            with _scanned(path) as found:
                while some := list(itertools.islice(found, _TOGETHER)):
                    named = _named(some, below, passed_over)
                    files = [entry for entry in named if entry.is_file(follow_symlinks=False)]
                    if len(files) < len(named):
                        inside = [entry.name for entry in named if entry.is_dir(follow_symlinks=False)]
                        folders += [below + name for name in inside if folder or name not in FOREIGN]
                    yield below, files
        except OSError as error:
            if error.errno not in _GONE:
                raise failed("list", path, error) from error


@contextlib.contextmanager
def _scanned(path: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    """What is in a folder. Where the system can, its files are asked from within it: it need not find the way to each of them."""
    if os.scandir not in os.supports_fd:
        with os.scandir(path) as found:
            yield found
        return
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(folder) as found:
            yield found
    finally:
        os.close(folder)


def _named(some: list[os.DirEntry[str]], below: str, passed_over: list[str]) -> list[os.DirEntry[str]]:
    """Those that a key can name."""
    names = [entry.name for entry in some]
    if (fit := fitting(names, below, passed_over)) is names:
        return some
    kept = set(fit)
    return [entry for entry in some if entry.name in kept]


def fitting(names: Sequence[str], below: str, passed_over: list[str]) -> Sequence[str]:
    """Those of the names that a key can hold; others come into `passed_over`, unless they are of what is not finished."""
    together = "".join(names)
    if together.isascii() and TEMPORARY_SUFFIX not in together:  # nearly always
        return names
    strange = [name for name in names if not _is_unicode(name)]
    shown = strange[: _SHOWN - len(passed_over)]
    passed_over += [os.fsencode(below + name).decode(errors="backslashreplace") for name in shown]
    return [name for name in names if _is_unicode(name) and not is_temporary(name)]


def path_of(root: str, key: str) -> str:
    """Of a folder or a file; the root's for an empty key."""
    return os.path.join(root, key.replace("/", os.sep)) if key else root


def folders(root: str, prefix: str) -> Iterator[str]:
    """The names of the folders directly below a folder, empty ones too. Raises SinkError for a folder that cannot be read."""
    path = path_of(root, prefix)
    try:
        with os.scandir(path) as found:
            for entry in found:
                ours = not is_temporary(entry.name) and (prefix or entry.name not in FOREIGN)
                if ours and _is_unicode(entry.name) and entry.is_dir(follow_symlinks=False):
                    yield entry.name
    except OSError as error:
        if error.errno not in _GONE:
            raise failed("list", path, error) from error


def delete(root: str, keys: Iterable[str]) -> None:
    """Removes files, then the folders that they leave empty. Goes on past a file that cannot go, and then raises SinkError."""
    folders, first = set[str](), None
    for key in keys:
        path = path_of(root, key)
        folder = os.path.dirname(path)
        if folder not in folders:
            refuse_links(root, folder)
            folders.add(folder)
        try:
            os.unlink(path)
        except OSError as error:
            # Some systems say EPERM to a folder; no object has that name then.
            if error.errno not in _GONE and not os.path.isdir(path):
                first = first or failed("delete", path, error)
    for folder in sorted(folders, key=len, reverse=True):
        _remove_empty(root, folder)
    if first is not None:
        raise first


def sweep(root: str, prefix: str) -> None:
    """Removes temporary files and empty folders below a folder, and what a killed doctor left in the root. Raises SinkError."""
    top = path_of(root, prefix)
    _sweep(root, top, is_temporary)
    try:
        with os.scandir(root) as found:
            probes = [entry for entry in found if is_probe(entry.name)]
    except OSError as error:
        _refuse(error)
        return
    for probe in probes:
        if probe.is_dir(follow_symlinks=False):
            _sweep(root, probe.path, lambda _: True)
        else:
            _unlink(probe.path)


def _sweep(root: str, top: str, is_left: Callable[[str], bool]) -> None:
    for path, folders, names in os.walk(top, topdown=True, onerror=_refuse):
        if path == root:
            folders[:] = [name for name in folders if name not in FOREIGN]
        for name in filter(is_left, names):
            _unlink(os.path.join(path, name))
        if not folders:
            _remove_empty(root, path)


def _refuse(error: OSError) -> None:
    if error.errno not in _GONE:
        raise failed("list", error.filename, error) from error


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise failed("delete", path, error) from error


def _remove_empty(root: str, folder: str) -> None:
    """Removes a folder and those above it, up to the root, as long as they are empty."""
    while len(folder) > len(root):
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            pass
        except OSError:
            return
        folder = os.path.dirname(folder)


def _is_unicode(name: str) -> bool:
    """Whether a key can have this name; others were put there by somebody else."""
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
