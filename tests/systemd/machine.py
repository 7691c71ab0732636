"""A Debian that is started with systemd as its first process, in a container whose only network is its loopback."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Ended", "Machine"]

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_START_SECONDS = 60
# Where the host itself was not started by systemd, it may have control groups of the old kind only, and nobody who makes one for us.
_WITHOUT_SYSTEMD = """
umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && mkdir -p /sys/fs/cgroup/wrikebackup-tests-$$ &&
echo $$ > /sys/fs/cgroup/wrikebackup-tests-$$/cgroup.procs && exec "$@"
"""


def _remove_groups(top: Path) -> None:
    """Control groups that we made and nobody is in any more, from the leaves up."""
    groups = [path for path in (top, *top.rglob("*")) if path.is_dir()]
    for group in reversed(groups):
        with contextlib.suppress(OSError):  # somebody is still about to end
            group.rmdir()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended in the machine, and what it said."""

    code: int
    out: str


class Machine:
    """Started when it is made. What is written in it is gone with it."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self._console = (folder / "console").open("wb")
        words = [
            "systemd-nspawn", "--boot", f"--directory={tree}", "--volatile=overlay", "--private-network", "--register=no",
            "--keep-unit", "--machine=wrikebackup", "--console=pipe", f"--bind-ro={Path(__file__).parent}:/tests",
        ]  # fmt: skip
        if not Path("/run/systemd/system").is_dir():
            words = ["unshare", "--mount", "--propagation=private", "sh", "-c", _WITHOUT_SYSTEMD, "sh", *words]
        self._nspawn = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self._console, stderr=subprocess.STDOUT)
        self.until(lambda: self._leader() is not None, _START_SECONDS)
        self.until(lambda: Path(f"/proc/{self._leader()}/root/run/dbus/system_bus_socket").exists(), _START_SECONDS)
        self.sh("systemctl is-system-running --wait")

    def _leader(self) -> int | None:
        """The machine's first process, as the host knows it."""
        assert self._nspawn.poll() is None, Path(self._console.name).read_text()
        found = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        return next((int(pid) for pid in found if Path(f"/proc/{pid}/comm").read_text() == "systemd\n"), None)

    def sh(self, script: str, *, user: str = "root", code: int | None = 0, seconds: float = 180) -> Ended:
        """Runs lines of a shell as a user. `code` is how they are to end, None for anyhow."""
        enter = ["nsenter", f"--target={self._leader()}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        run = [
            "systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--uid={user}", "--working-directory=/", f"-E{_PATH}", "-ELANG=C.UTF-8",
        ]  # fmt: skip
        # As a login has it: where units of one's own are told what to do.
        ready = "export XDG_RUNTIME_DIR=/run/user/$(id -u); cd ~\n" if user != "root" else ""
        # By stdin: in its words systemd has signs of its own.
        words = [*enter, "env", "-i", _PATH, *run, "sh", "-c", 'eval "$(cat)"']
        done = subprocess.run(
            words, input=f"set -e\n{ready}{script}".encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=seconds, check=False,
        )  # fmt: skip
        ended = Ended(done.returncode, done.stdout.decode(errors="replace"))
        assert code is None or ended.code == code, f"exit code {ended.code} and not {code}: {ended.out}"
        return ended

    def until(self, holds: Callable[[], object], seconds: float) -> None:
        """Waits until something holds, and fails after that time."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds} s"
            time.sleep(0.3)

    def profile(self, name: str, text: str) -> str:
        """A profile with that mock account as its source. Returns its path."""
        path = f"/etc/wrikebackup/{name}.yaml"
        source = 'source:\n  wrike: {base_url: "http://127.0.0.1:8750/api/v4", token: "credential:wrike-token", rate: "off"}\n'
        self.write(path, source + text)
        return path

    def write(self, path: str, text: str) -> None:
        """A file that all may read."""
        self.sh(f"mkdir -p $(dirname {path})\ncat > {path} << 'END-OF-FILE'\n{text}\nEND-OF-FILE\nchmod 644 {path}")

    def start(self, unit: str, *, code: int | None = 0) -> str:
        """Starts a service, waits for its end, and returns what it has put into the journal."""
        began = self.sh("date '+%F %T.%N'").out.strip()
        ended, journal = self.sh(f"systemctl start {unit}", code=None), self.journal(unit, began)
        assert code is None or ended.code == code, journal
        return journal

    def journal(self, unit: str, since: str = "today") -> str:
        """What a unit has put into the journal."""
        return self.sh(f"journalctl --sync; journalctl --no-pager -o cat -u {unit} --since '{since}'").out

    def result(self, unit: str) -> str:
        """`success`, `exit-code`, and the like."""
        return self.sh(f"systemctl show --property=Result --value {unit}").out.strip()

    def pings(self) -> str:
        """Each request to the server that notes them, in a line."""
        return self.sh("cat /run/pings || true").out

    def off(self) -> None:
        """Switches it off."""
        self._nspawn.terminate()
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._console.close()
        for mounted in Path("/proc/mounts").read_text().splitlines():
            _, where, kind, *_ = mounted.split()
            if kind == "cgroup2":
                _remove_groups(Path(where, f"wrikebackup-tests-{self._nspawn.pid}"))
