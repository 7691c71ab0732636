"""The program of `second.py`. It imports nothing that takes time to load, and is run as a file."""

import os
import sys
from array import array


def main() -> None:
    """A question is a line with the number of its bytes, then these: a folder and names of files in it, each ended by a zero byte.
    The answer is eight bytes for each name: the file's size, or -1 where it cannot be told.
    """
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := questions.readline():
        folder, *names, _ = questions.read(int(line)).split(b"\0")
        answers.write(array("q", _sizes(folder, names)).tobytes())
        answers.flush()


def _sizes(folder: bytes, names: list[bytes]) -> list[int]:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return [-1] * len(names)
    try:
        return [_size(descriptor, name) for name in names]
    finally:
        os.close(descriptor)


def _size(folder: int, name: bytes) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    except OSError:
        return -1


if __name__ == "__main__":
    main()
