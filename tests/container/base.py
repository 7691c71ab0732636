"""A stand-in for the base image of the Dockerfile, under its very name: Debian of that release, out of Debian's own packages.

A registry of images need not be reached. What differs: Python is Debian's build and not that of Docker's library, in the same version.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.container.podman import Podman

__all__ = ["base_image"]

# What python:*-slim-* has beside Python.
_PACKAGES = ("ca-certificates", "netbase", "tzdata", "python3", "python3-venv", "python-is-python3")
_CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
_PIP = re.compile(
    r"^(?:global|:env:|install)\.(index-url|extra-index-url|trusted-host|cert|timeout)='(.*)'$", re.MULTILINE
)


def base_image(podman: Podman, dockerfile: Path, folder: Path) -> None:
    """Makes the image that every FROM of the Dockerfile names."""
    [base] = set(re.findall(r"^FROM (\S+)", dockerfile.read_text(encoding="utf-8"), re.MULTILINE))
    made = re.fullmatch(r"python:(\d+\.\d+)-slim-(\w+)", base)
    assert made, f"{base} is none that could be made from Debian's packages"
    version, release = made.groups()
    tree, archive = folder / "tree", folder / "base.tar"
    podman.call("debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", release, str(tree), seconds=900)
    said = podman.call("chroot", str(tree), "python", "--version").stdout
    assert said.startswith(f"Python {version}."), f"Debian's {release} has {said.strip()}, and {base} is wanted"
    _settings(tree)
    podman.call("tar", "-C", str(tree), "-cf", str(archive), ".", seconds=300)
    shutil.rmtree(tree)
    changes = (
        "--change",
        'CMD ["python3"]',
        "--change",
        "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    )
    podman.run("import", "-q", *changes, str(archive), f"docker.io/library/{base}", seconds=300)
    archive.unlink()


def _settings(tree: Path) -> None:
    """The index of packages is this machine's, so that the Dockerfile need not know of any."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    found = {key: value for key, value in _PIP.findall(listed.stdout) if "file:" not in value}
    if "cert" in found:
        shutil.copy(found["cert"], tree / _CERTIFICATES)
        found["cert"] = f"/{_CERTIFICATES}"
    lines = [f"{key} = {value}\n" for key, value in found.items()]
    (tree / "etc" / "pip.conf").write_text("[global]\n" + "".join(lines), encoding="utf-8")
