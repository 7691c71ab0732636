"""The page on exit codes and errors, from errors.py."""

from __future__ import annotations

import inspect

from tools import markdown
from wrikebackup_core import errors
from wrikebackup_core.errors import ExitCode, WrikeBackupError

# What a person or a script does about each code. A code without a line here is an error of this script.
MEANING: dict[ExitCode, tuple[str, str]] = {
    ExitCode.DONE: ("Done: what was asked for is complete.", "Nothing."),
    ExitCode.FAILED: (
        "Failed: no backup was committed anywhere, or the account or the store cannot be used.",
        "Read the last line; run the same command again to go on where it stopped.",
    ),
    ExitCode.USAGE: (
        "The command line or the profile does not fit, or a secret cannot be had. Nothing was started.",
        "The message names file, line and key, or the secret's reference.",
    ),
    ExitCode.PARTIAL: (
        "Done, but not all of it: something could not be read (a gap), one of several sinks failed, or older backups could not be pruned. Of `status`: something is wrong.",
        "The summary and `manifest.json` name each gap and sink. See [Gaps](../how-to/choose-what.md).",
    ),
    ExitCode.DAMAGED: (
        "Verification, a copy or a prune found something damaged or missing.",
        "Each finding names its key.",
    ),
    ExitCode.LOCKED: ("Another run is at work on the same account and sinks.", "Wait for it, or end it."),
    ExitCode.KEY_REFUSED: ("A decryption key does not fit.", "Give the key that the backup was made for."),
    ExitCode.INTERRUPTED: ("Interrupted, by Ctrl-C or by a signal that asks to stop.", "Run the same command again."),
}


def _tree() -> str:
    document = inspect.getdoc(errors) or ""
    return "\n".join(line for line in document.splitlines() if line.startswith(("WrikeBackupError", "├", "│", "└")))


def _rows() -> list[tuple[str, str, str]]:
    found: list[type[WrikeBackupError]] = []

    def walk(error: type[WrikeBackupError]) -> None:
        found.append(error)
        for child in error.__subclasses__():
            if child.__module__ == errors.__name__:
                walk(child)

    walk(WrikeBackupError)
    return [(f"`{error.__name__}`", str(int(error.exit_code)), vars(error).get("__doc__") or "") for error in found]


def render() -> str:
    parts = [
        markdown.GENERATED,
        "# Exit codes and errors\n",
        "Whoever reads exit codes must take one that is not in this table for a failure.\n",
        markdown.table(
            ["Code", "Name", "Meaning", "What to do"],
            [(f"**{int(code)}**", f"`{code.name}`", *MEANING[code]) for code in ExitCode],
        ),
        "A run over several profiles ends with the gravest code among them.\n",
        "## How errors are told\n",
        (
            "On stderr, in one line and in lower case, with what it is about (a file and line, a key, an id), and where "
            "something can be done about it, a second line:\n"
        ),
        markdown.code(
            "wrikebackup: error: the environment variable WRIKE_TOKEN is not set\nhint: export WRIKE_TOKEN=… before the run"
        ),
        "A mistake of yours never ends in a Python traceback; if you see one, it is a bug of ours.\n",
        "## The tree of errors\n",
        (
            "Plugins raise these, and may raise them only. The number is the exit code; those that plugins may import "
            "from `wrikebackup_core` are listed [with the rest of the public API](api.md).\n"
        ),
        markdown.code(_tree()),
        markdown.table(["Error", "Exit code", "Meaning"], _rows()),
    ]
    return "\n".join(parts)
