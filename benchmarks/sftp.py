"""Storing files on an SFTP server: our sink, flushes and all, over rclone and OpenSSH's own client, on the same sshd.

python benchmarks/sftp.py [--times 5] [--folder DIR]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from _peers import Run, fill, free_port, fresh, in_turn, rclone, report, timed

TARGET = 1.2
MOST_MEMORY = 300  # MB
SMALL, SMALL_SIZE = 2000, 100_000
LARGE_SIZE = 500_000_000
THREADS = "32"
SSHD = "/usr/sbin/sshd"
FLUSHING = "-fr"
PUT = Path(__file__).with_name("_put.py")


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    key: Path
    known_hosts: Path


@contextlib.contextmanager
def sshd(folder: Path) -> Iterator[Server]:
    if shutil.which(SSHD) is None:
        sys.exit(f"{SSHD} is not installed: apt-get install openssh-server")
    port = free_port()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    lines = [
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder / 'host'}", f"PidFile {folder / 'pid'}",
        f"AuthorizedKeysFile {folder / 'user.pub'}", "StrictModes no", "UsePAM no", "PasswordAuthentication no",
        "PermitRootLogin prohibit-password", "Subsystem sftp internal-sftp", "MaxStartups 100",
    ]  # fmt: skip
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen([SSHD, "-D", "-f", folder / "sshd_config", "-E", folder / "log"])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield Server(port, folder / "user", folder / "known_hosts")
    finally:
        process.terminate()
        process.wait()


def ours(server: Server, source: Path, targets: Path) -> Run:
    place = {"host": "127.0.0.1", "port": server.port, "path": str(fresh(targets))}
    options = place | {"key": str(server.key), "known_hosts": str(server.known_hosts), "agent": False}
    return timed([sys.executable, PUT, "sftp", json.dumps(options), source, THREADS])


def by_rclone(server: Server, source: Path, targets: Path, transfers: int) -> Run:
    remote = (
        f":sftp,host=127.0.0.1,port={server.port},user={os.environ.get('USER', 'root')},key_file={server.key},"
        f"known_hosts_file={server.known_hosts},disable_hashcheck=true,shell_type=none:{fresh(targets)}"
    )
    options = ["--transfers", str(transfers), "--ignore-times", "--no-check-dest"]
    return timed([rclone(), "--config", os.devnull, "copy", source, remote, *options])


def by_sftp(server: Server, source: Path, targets: Path, flags: str) -> Run:
    batch = targets / "batch"
    batch.write_text(f"put {flags} {source} {fresh(targets)}/\n")
    options = ["-q", "-b", batch, "-P", str(server.port), "-i", server.key]
    return timed(["sftp", *options, "-o", f"UserKnownHostsFile={server.known_hosts}", "127.0.0.1"])


def compare(title: str, server: Server, source: Path, targets: Path, times: int, transfers: Sequence[int]) -> None:
    ways = {"wrikebackup": partial(ours, server, source, targets)}
    for number in transfers:
        ways[f"rclone copy, {number} transfers"] = partial(by_rclone, server, source, targets, number)
    for flags in ("-r", FLUSHING):
        ways[f"sftp put {flags}"] = partial(by_sftp, server, source, targets, flags)
    medians = in_turn(times, ways)
    best = min((name for name in ways if name != "wrikebackup"), key=lambda name: medians[name].wall)
    report(f"{title}, over {best}", medians, "wrikebackup", best, TARGET)
    flushed = medians["wrikebackup"].wall / medians[f"sftp put {FLUSHING}"].wall
    print(f"  over sftp put {FLUSHING}, which flushes each file as we do: {flushed:.2f}")
    print(f"  memory {medians['wrikebackup'].peak:.0f} MB (target: at most {MOST_MEMORY})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the files lie (default: the system's temporary folder)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name, sshd(Path(name)) as server:
        folder = Path(name)
        targets = folder / "targets"
        targets.mkdir()
        small, large = fill(folder / "small", SMALL, SMALL_SIZE), fill(folder / "large", 1, LARGE_SIZE)
        compare(f"{SMALL} files of 100 KB", server, small, targets, arguments.times, (4, 8, 16))
        compare("One file of 500 MB", server, large, targets, arguments.times, (4,))


if __name__ == "__main__":
    main()
