"""These tests build an image and run it, which takes minutes, root and podman: only `nox -s container` collects them."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.base import base_image
from tests.container.podman import Podman
from tests.container.service import Service

collect_ignore = [] if os.environ.get("WRIKEBACKUP_CONTAINER") else ["test_image.py"]

ROOT = Path(__file__).parents[2]
_NEEDED = ("podman", "debootstrap", "podman-compose")


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """With a store of its own, which is gone afterwards."""
    lacking = [name for name in _NEEDED if shutil.which(name) is None]
    if lacking or sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip(f"needs Linux, root and {', '.join(lacking or _NEEDED)}")
    with Podman(tmp_path_factory.mktemp("podman")) as podman:
        yield podman


@pytest.fixture(scope="session")
def service(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service of examples/compose.yaml, built from the Dockerfile that it names, in a copy of what a checkout has for it."""
    checkout = tmp_path_factory.mktemp("checkout")
    let_through = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    for name in (".dockerignore", "examples", *let_through):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, checkout / name)
    base_image(podman, checkout / "examples" / "Dockerfile", tmp_path_factory.mktemp("base"))
    with Service(podman, checkout / "examples") as service:
        service.compose("build")
        yield service
