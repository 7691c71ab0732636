"""A library that dies where two threads look into a type at once is kept from it."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SCRIPT = """
import sys, threading
import msgspec
from wrikebackup_core import json_decoder

sys.setswitchinterval(1e-6)

class Inner(msgspec.Struct):
    a: dict[str, list[int]] = {}
    b: tuple[str, ...] = ()

class Outer(msgspec.Struct):
    one: Inner
    many: list[Inner]
    other: "Inner | None" = None

start = threading.Barrier(16)
done = []

def decode():
    start.wait()
    done.append(json_decoder(Outer)(b'{"one": {"a": {"x": [1]}}, "many": [{"b": ["y"]}]}'))

threads = [threading.Thread(target=decode) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(done) == 16 and all(one == done[0] for one in done)
"""


@pytest.mark.parametrize("number", range(10))
def test_many_threads_may_be_the_first_to_decode_a_type(number: int) -> None:
    ran = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"attempt {number}: {ran.stderr}"
