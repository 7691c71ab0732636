"""What is written for systemd and cron, and taken away again: the one place here that touches the machine."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wrikebackup_core.errors import UsageError, WrikeBackupError
from wrikebackup_core.schedule import crontab
from wrikebackup_core.schedule.errands import Errand, Marked, inspect

__all__ = ["install_crontab", "install_units", "remove_crontab", "remove_units", "runs_systemd", "unit_folder"]

_SECONDS = 60
_SUFFIXES = (".service", ".timer")
_HINT = "--force overwrites it"
_WITHOUT_SYSTEMD = {
    (
        "systemctl",
        "--user",
    ): "units of a user need a session of theirs: log in as that user, not by su or sudo, or use --system as root",
    (
        "systemctl",
    ): "the units stay as they are written; where systemd does not run, use --as crontab or `schedule run`",
}
Tell = Callable[[str], None]


def runs_systemd() -> bool:
    """Whether this machine was started by it."""
    return Path("/run/systemd/system").is_dir() and shutil.which("systemctl") is not None


def unit_folder(*, system: bool) -> Path:
    """Where the units are written."""
    if system:
        return Path("/etc/systemd/system")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def install_units(units: Mapping[Path, str], profile: str, *, system: bool, force: bool, tell: Tell) -> None:
    """Writes the units, each whole or not at all, has systemd read them, and starts the timers. Raises UsageError, before anything is
    written, where a file is not ours, is another profile's, or was edited.
    """
    for path in units:
        _may_write(path, profile, force=force)
    for path, text in units.items():
        if _text_of(path) == text:
            tell(f"unchanged: {path}")
        else:
            _write(path, text)
            tell(f"written: {path}")
    _run(_systemctl(system, "daemon-reload"), tell)
    for path in units:
        if path.suffix == ".timer":
            _run(_systemctl(system, "enable", "--now", path.name), tell)
    # Of the profile's former name, or of monitors that it has no more.
    folders = {path.parent for path in units}
    old = {path: one for folder in folders for path, one in _units_of(folder, profile).items() if path not in units}
    _delete(old, system=system, force=False, tell=tell)


def remove_units(folder: Path, profile: str, *, system: bool, force: bool, tell: Tell) -> int:
    """Stops the timers of a profile and deletes its units. Returns how many files it leaves because they were edited, and tells of each."""
    mine = _units_of(folder, profile)
    left = _delete(mine, system=system, force=force, tell=tell)
    if not mine:
        tell(f"nothing to remove in {folder}")
    return left


def _units_of(folder: Path, profile: str) -> dict[Path, Marked]:
    """Timers first: what they start is not deleted under them."""
    found = {}
    for path in sorted(folder.glob("wrikebackup-*"), key=lambda one: (one.suffix != ".timer", one)):
        # Beside the units are the folders that `systemctl edit` makes.
        if path.suffix in _SUFFIXES and (one := _marked(path)) and one.profile == profile:
            found[path] = one
    return found


def _delete(units: Mapping[Path, Marked], *, system: bool, force: bool, tell: Tell) -> int:
    left = 0
    for path, one in units.items():
        if not one.intact and not force:
            tell(f"left as it is, since it was edited: {path}; `remove --force` deletes it")
            left += 1
            continue
        if path.suffix == ".timer":
            _run_where_it_runs(_systemctl(system, "disable", "--now", path.name), tell)
            # Its last time: another timer of this name would take it for a run that was missed.
            _try(_systemctl(system, "clean", "--what=state", path.name))
        path.unlink()
        tell(f"deleted: {path}")
        # A unit that failed stays in systemd's list of those, file or not.
        _try(_systemctl(system, "reset-failed", path.name))
    if len(units) > left:
        _run_where_it_runs(_systemctl(system, "daemon-reload"), tell)
    return left


def _try(words: Sequence[str]) -> None:
    """What is well where it succeeds, and needs no word where there was nothing to do."""
    with contextlib.suppress(WrikeBackupError):
        _called(words)


def _run_where_it_runs(words: Sequence[str], tell: Tell) -> None:
    """What is taken out of an image, say, need not be stopped."""
    try:
        _run(words, tell)
    except WrikeBackupError:
        if runs_systemd():
            raise
        tell("systemd does not run here: there is nothing to stop")


def install_crontab(errands: Sequence[Errand], *, force: bool, tell: Tell) -> None:
    """Puts the profile's block into the user's crontab. Raises as `install_units` does."""
    first = errands[0]
    before, new = _crontab(), crontab.block(errands)
    old = crontab.found(before, first.name)
    if old is not None and not force:
        what = f"the block wrikebackup {first.name} of the crontab"
        if old.marked is None or not old.marked.intact:
            raise UsageError(f"{what} was edited, and is left as it is", hint=_HINT)
        if old.marked.profile != first.profile:
            raise UsageError(f"{what} is for {old.marked.profile}", hint="give one of the two profiles another `name:`")
    after = _without_former(crontab.replaced(before, old, new), first, tell)
    if after == before:
        tell(f"unchanged: the block wrikebackup {first.name} of the crontab")
    else:
        _write_crontab(after, tell)
        tell(f"written: the block wrikebackup {first.name} of the crontab")


def _without_former(text: str, first: Errand, tell: Tell) -> str:
    """Without the intact blocks of the profile's former names."""
    for name in re.findall(r"^# BEGIN wrikebackup (\S+)$", text, re.MULTILINE):
        block = crontab.found(text, name)
        if name != first.name and block and block.marked == Marked(first.profile, intact=True):
            text = crontab.replaced(text, block, "")
            tell(f"deleted: the block wrikebackup {name} of the crontab")
    return text


def remove_crontab(profile: str, *, force: bool, tell: Tell) -> int:
    """Takes the blocks of a profile out of the user's crontab. Returns as `remove_units` does."""
    before = after = _crontab()
    left = 0
    for name in re.findall(r"^# BEGIN wrikebackup (\S+)$", before, re.MULTILINE):
        block = crontab.found(after, name)
        if block is None or block.marked is None or block.marked.profile != profile:
            continue
        if not block.marked.intact and not force:
            tell(f"left as it is, since it was edited: the block wrikebackup {name} of the crontab; --force deletes it")
            left += 1
        else:
            after = crontab.replaced(after, block, "")
            tell(f"deleted: the block wrikebackup {name} of the crontab")
    if after != before:
        _write_crontab(after, tell)
    elif not left:
        tell("nothing to remove in the crontab")
    return left


def _may_write(path: Path, profile: str, *, force: bool) -> None:
    if not os.path.lexists(path):
        return
    one = _marked(path)
    if one is None:
        hint = "move it away, or give the profile another `name:`"
        raise UsageError(f"{path} was not written by wrikebackup, and is left as it is", hint=hint)
    if one.profile != profile:
        raise UsageError(f"{path} is for the profile {one.profile}", hint="give one of the two another `name:`")
    if not one.intact and not force:
        raise UsageError(f"{path} was edited, and is left as it is", hint=_HINT)


def _marked(path: Path) -> Marked | None:
    text = None if path.is_symlink() else _text_of(path)
    return None if text is None else inspect(text)


def _text_of(path: Path) -> str | None:
    try:
        return path.read_bytes().decode(errors="surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, fresh = tempfile.mkstemp(prefix=".wrikebackup-", dir=path.parent)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                file.write(text.encode(errors="surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
            Path(fresh).chmod(0o644)
            Path(fresh).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(fresh).unlink()
            raise
    except OSError as error:
        hint = "run as root, or without --system" if isinstance(error, PermissionError) else None
        raise UsageError(f"cannot write {path}: {(error.strerror or str(error)).lower()}", hint=hint) from None


def _systemctl(system: bool, *words: str) -> list[str]:
    return ["systemctl", *([] if system else ["--user"]), *words]


def _crontab() -> str:
    done = _called(["crontab", "-l"])
    if done.returncode == 0:
        return done.stdout.decode(errors="surrogateescape")
    said = done.stderr.decode(errors="replace")
    if "no crontab" in said.lower():
        return ""
    raise WrikeBackupError(f"`crontab -l` ended with exit code {done.returncode}: {_line(said)}")


def _write_crontab(text: str, tell: Tell) -> None:
    if text:
        _run(["crontab", "-"], tell, text.encode(errors="surrogateescape"))
    else:
        _run(["crontab", "-r"], tell)


def _run(words: Sequence[str], tell: Tell, given: bytes = b"") -> None:
    tell(f"$ {shlex.join(words)}")
    done = _called(words, given)
    if done.returncode != 0:
        said = _line(done.stderr.decode(errors="replace"))
        hint = _WITHOUT_SYSTEMD.get(tuple(words[:2])) or _WITHOUT_SYSTEMD.get(tuple(words[:1]))
        raise WrikeBackupError(f"`{shlex.join(words)}` ended with exit code {done.returncode}: {said}", hint=hint)


def _called(words: Sequence[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"LC_ALL": "C"}  # what it says is looked at
    try:
        return subprocess.run(words, input=given, capture_output=True, timeout=_SECONDS, check=False, env=environment)
    except FileNotFoundError:
        raise UsageError(
            f"this machine has no {words[0]}", hint="`--as` names another scheduler; `schedule run` needs none"
        ) from None
    except subprocess.TimeoutExpired:
        raise WrikeBackupError(f"`{shlex.join(words)}` does not end") from None


def _line(text: str) -> str:
    return " ".join(text.split()) or "it says nothing"
