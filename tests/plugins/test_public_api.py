"""What plugins may import is a list, and the list is frozen: taking a name away breaks strangers' plugins."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import wrikebackup_core
import wrikebackup_core.testing

ROOT = Path(__file__).parents[2]

PUBLIC = """
    Account AccountFound AlreadyExists Artifact Attachment AttachmentMode Backup Browsing Check Column Context Crawled Duration Entry Event ExitCode Export FileFinished
    FileProgress FileStarted Forbidden FormatError Gap GapFound Interrupted KeyLocked KeyMissing KeyNotFound KeyRefused Keys KeyUnfit
    Kind Listed Locking Message MissingExtra Monitor Named Naming NotFound NotOffered Page Part PluginError Reader Ran Record Recounting Register Report Run Secret SecretError
    Seen Signing Silent Sink SinkDropped SinkStanding Standing Trouble Witness
    SinkError SinkFull Source SourceError StageFinished StageProgress StageStarted Table Transform Unauthorized
    UsageError Verifier Withdrawn WrikeBackupError Writer __version__ account_number answer command_context duration expand_home hookimpl json_decoder keep_secret masked of_kind private_folder read_keyring read_whole say source_options time_zone
    without_password without_passwords write_keyring
""".split()  # noqa: SIM905 - sixty quotation marks less

FOR_TESTS = """
    LockingContract MemoryCrawled MemoryReader MemorySink MonitorContract SigningContract SinkContract SourceContract TransformContract crawl
""".split()  # noqa: SIM905 - the same


def test_the_public_names_are_these() -> None:
    assert sorted(wrikebackup_core.__all__) == sorted(PUBLIC)


def test_the_names_for_tests_are_these() -> None:
    assert sorted(wrikebackup_core.testing.__all__) == sorted(FOR_TESTS)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(wrikebackup_core, name)
    if isinstance(value, type):
        assert value.__doc__


def _imports(folder: Path) -> set[str]:
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wrikebackup_core"):
                found |= {f"{node.module}:{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names if alias.name.startswith("wrikebackup_core")}
    return found


@pytest.mark.parametrize("plugin", sorted(path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()))
def test_our_own_plugins_import_only_what_strangers_may(plugin: str) -> None:
    allowed = {f"wrikebackup_core:{name}" for name in PUBLIC}
    assert sorted(_imports(ROOT / "plugins" / plugin) - allowed) == []


@pytest.mark.parametrize("example", ["wrikebackup_hello", "wrikebackup_vault"])
def test_the_example_plugins_import_only_what_strangers_may(example: str) -> None:
    allowed = {f"wrikebackup_core:{name}" for name in PUBLIC}
    allowed |= {f"wrikebackup_core.testing:{name}" for name in FOR_TESTS}
    imports = _imports(ROOT / "examples" / example)
    assert imports
    assert sorted(imports - allowed) == []


def test_the_types_are_told_to_type_checkers() -> None:
    for package in (ROOT / "wrikebackup_core", *(ROOT / "plugins").iterdir()):
        if package.is_dir():
            assert (package / "py.typed").is_file(), package.name
