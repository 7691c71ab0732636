"""Runs a program in a terminal of its own, and types the same answer at every prompt: `age -p` asks nowhere else. Of several lines each
is the answer to one prompt, and the last one to all that follow.

A script, since a process with threads, such as that of the tests, should not fork.
"""

from __future__ import annotations

import os
import sys


def main(answer: str, command: list[str]) -> int:
    import pty  # Unix only

    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    seen, answers = b"", answer.split("\n")
    while piece := _read(terminal):
        seen += piece
        if seen.rstrip(b" ").endswith(b":"):
            os.write(terminal, answers[0].encode() + b"\n")
            del answers[: len(answers) > 1]
            sys.stderr.buffer.write(seen)
            seen = b""
    sys.stderr.buffer.write(seen)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that nobody is left at the other end
        return b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
