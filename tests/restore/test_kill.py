"""A restore that was killed, wherever that was, is finished by the same command, and fetches nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.restore.backups import SUFFIX, Mask, local, masked, original, restored
from tests.verify.sample import ACCOUNT, UID, Sample
from wrikebackup_core.engine.restore import Shape
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import ExitCode

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")]


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """With what tells a file from one that was written anew."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.stat().st_ino, path.read_bytes()) for path in found}


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize(
    ("number", "moment"), [(0, "half"), (1, "before"), (2, "after"), (4, "half"), (5, "after"), (6, "after")]
)
def test_the_same_command_finishes_it(tmp_path: Path, shape: Shape, number: int, moment: str) -> None:
    sink = local(tmp_path / "source")
    Sample(suffix=SUFFIX, encoded=masked).store(sink)
    out, state = tmp_path / "out", tmp_path / "state"
    command = [
        sys.executable,
        "-m",
        "tests.restore.killed",
        tmp_path / "source",
        out,
        state,
        shape.value,
        str(number),
        moment,
    ]
    killed = subprocess.run(command, cwd=Path(__file__).parents[2], env={"PYTHONPATH": ".:plugins"}, check=False)
    assert killed.returncode == -signal.SIGKILL
    there = {name: found for name, found in files(out).items() if not name.endswith(".partial")} if out.exists() else {}
    assert not any(name.endswith("manifest.json") for name in there)
    backup = original(sink, UID, Mask())
    result = restored(backup, local(out), state, shape)
    assert (result.exit_code, result.kept, result.there) == (
        ExitCode.DONE,
        [],
        len([n for n in there if "SHA256SUMS" not in n]),
    )
    assert files(out).items() >= there.items(), "a file that was there was written again"
    restored(backup, local(tmp_path / "whole"), tmp_path / "other", shape)
    now = {name: data for name, (_, data) in files(out).items()}
    assert now == {name: data for name, (_, data) in files(tmp_path / "whole").items()}, (
        "and nothing unfinished is left"
    )
    if shape is Shape.LAYOUT:
        assert verify(local(out), ACCOUNT.id, UID, lambda _: None).findings == ()
