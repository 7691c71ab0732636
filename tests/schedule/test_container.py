"""examples/Dockerfile and examples/compose.yaml, as far as can be told without a container; `nox -s container` has one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from ruamel.yaml import YAML

from wrikebackup_core.schedule import kubernetes

EXAMPLES = Path(__file__).parents[2] / "examples"
DOCKERFILE = (EXAMPLES / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = YAML(typ="safe", pure=True).load((EXAMPLES / "compose.yaml").read_text(encoding="utf-8"))


def test_what_the_image_is_made_from_is_there() -> None:
    sources = [
        word for words in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for word in words.split()
    ]
    assert len(sources) >= 5
    assert [name for name in sources if not (EXAMPLES.parent / name).exists()] == []


def test_every_package_of_the_wheel_is_handed_to_the_build() -> None:
    project = tomllib.loads((EXAMPLES.parent / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    let_through = re.findall(r"^!(\S+)$", (EXAMPLES.parent / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    copied = re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE)
    folders = {Path(package).parts[0] for package in packages}
    assert (folders - set(copied), folders - set(let_through)) == (set(), set())


def test_the_image_has_the_extras_of_all_that_a_profile_may_name() -> None:
    [named] = re.findall(r"^ARG EXTRAS=(.+)$", DOCKERFILE, re.MULTILINE)
    assert '".[$EXTRAS]"' in DOCKERFILE
    project = tomllib.loads((EXAMPLES.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    of_desktops_and_builders = {"keyring", "speed", "dev"}
    assert set(named.split(",")) == set(project["optional-dependencies"]) - of_desktops_and_builders


def test_it_runs_as_a_user_without_rights_the_same_everywhere() -> None:
    [user] = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)
    service = COMPOSE["services"]["wrikebackup"]
    assert f"--uid {user} " in DOCKERFILE
    assert service["user"] == f"{user}:{user}"
    assert int(user) == kubernetes._USER
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_every_base_is_pinned_by_a_tag() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", base) for base in bases)


def test_state_and_backups_are_on_volumes_that_compose_names() -> None:
    service = COMPOSE["services"]["wrikebackup"]
    mounted = dict(reversed(one.split(":")[:2]) for one in service["volumes"])
    volumes = re.search(r'^VOLUME \["(.+)"\]$', DOCKERFILE, re.MULTILINE)
    assert volumes is not None
    for path in volumes[1].split('", "'):
        assert mounted[path] in COMPOSE["volumes"]
    assert service["build"] == {"context": "..", "dockerfile": "examples/Dockerfile"}
