"""Finding plugins: what works is used, what is broken is set aside with its reason, what is ambiguous is fatal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wrikebackup_core import PluginError
from wrikebackup_core.plugins import Broken, Loaded, Plugins

Install = Callable[..., None]

GOOD = """
    from pydantic import BaseModel
    from wrikebackup_core import hookimpl

    class Options(BaseModel):
        pass

    @hookimpl
    def register_sinks(register):
        register("shelf", options=Options, make=lambda options, context: None)
"""


def test_the_built_in_plugins_are_found() -> None:
    plugins = Plugins.load()
    assert {"wrike", "mock"} <= set(plugins.sources)
    assert "local" in plugins.sinks
    assert {"fsspec", "mock", "wrike"} <= {loaded.name for loaded in plugins.loaded}
    assert [broken for broken in plugins.broken if broken.distribution == "wrikebackup"] == []


def test_a_strangers_plugin_is_found_with_its_distribution_and_version(install: Install) -> None:
    install("shelf-sink", "shelf", GOOD)
    plugins = Plugins.load()
    assert "shelf" in plugins.sinks
    assert Loaded("shelf", "shelf-sink", "1.2") in plugins.loaded


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_library_at_all", "ModuleNotFoundError: No module named 'no_such_library_at_all'"),
        ("def half(:", "SyntaxError: invalid syntax (module_of_bad.py, line 1)"),
        ("raise SystemExit('leave')", "SystemExit: leave"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        (
            "from wrikebackup_core import hookimpl, MissingExtra\nraise MissingExtra('bad', 's3')",
            "MissingExtra: bad needs a library that is not installed",
        ),
        (
            "from wrikebackup_core import hookimpl\n@hookimpl\ndef register_sink(register): pass",
            "PluginValidationError: unknown hook 'register_sink' in plugin",
        ),
        (
            "from wrikebackup_core import hookimpl\n@hookimpl\ndef register_sinks(registry): pass",
            "PluginValidationError: Plugin 'bad' for hook 'register_sinks'",
        ),
        (
            "from wrikebackup_core import hookimpl\n@hookimpl\ndef register_sinks(register):\n    1 / 0",
            "ZeroDivisionError: division by zero",
        ),
        (
            "from wrikebackup_core import hookimpl\n@hookimpl\ndef register_sinks(register): register('x', options=dict, make=None)",
            "PluginError: the options of 'x' are no pydantic model",
        ),
    ],
    ids=[
        "missing library", "syntax", "exit", "two lines", "missing extra", "misspelt hook", "misspelt argument",
        "fails", "options",
    ],
)  # fmt: skip
def test_a_broken_plugin_is_set_aside_with_its_reason(install: Install, source: str, reason: str) -> None:
    install("bad", "bad", source)
    install("shelf-sink", "shelf", GOOD)
    plugins = Plugins.load()
    (broken,) = [broken for broken in plugins.broken if broken.name == "bad"]
    assert broken == Broken("bad", "bad", broken.reason)
    assert broken.reason.startswith(reason)
    assert "\n" not in broken.reason
    assert "bad" not in [loaded.name for loaded in plugins.loaded]
    assert {"shelf", "local"} <= set(plugins.sinks), "the others are in use"


def test_a_plugin_that_fails_half_way_leaves_nothing_registered(install: Install) -> None:
    install(
        "bad",
        "bad",
        GOOD
        + """
    @hookimpl
    def register_transforms(register):
        register("early", options=Options, make=None)
        raise RuntimeError("half way")

    @hookimpl
    def track_event(event):
        raise AssertionError("set aside, and called all the same")
""",
    )
    plugins = Plugins.load()
    assert [broken.reason for broken in plugins.broken if broken.name == "bad"] == ["RuntimeError: half way"]
    assert "shelf" not in plugins.sinks
    assert "early" not in plugins.transforms
    assert plugins.manager.get_plugin("bad") is None


def test_a_function_without_the_marker_is_no_hook(install: Install) -> None:
    install("shelf-sink", "shelf", GOOD.replace("@hookimpl", ""))
    assert "shelf" not in Plugins.load().sinks


def test_two_plugins_of_one_name_are_fatal(install: Install) -> None:
    install("one-shelf", "shelf", GOOD)
    install("other-shelf", "shelf", GOOD.replace('"shelf"', '"other"'))
    with pytest.raises(PluginError, match=r"two plugins are called shelf: one of .*-shelf, one of .*-shelf") as caught:
        Plugins.load()
    assert caught.value.hint == "uninstall one of them"


def test_two_plugins_with_one_kind_are_fatal(install: Install) -> None:
    install("one-shelf", "one", GOOD)
    install("other-shelf", "other", GOOD)
    with pytest.raises(PluginError, match="the plugins one and other both register 'shelf'"):
        Plugins.load()


IMPORTS = """
import sys
import wrikebackup_core
core = set(sys.modules)
from wrikebackup_core.plugins import Plugins
plugins = Plugins.load()
assert not [broken for broken in plugins.broken if broken.distribution == "wrikebackup"], plugins.broken
print(" ".join(sorted(core)))
print(" ".join(sorted(sys.modules)))
"""
HEAVY = {
    "aiobotocore", "asyncssh", "boto3", "cryptography", "fsspec", "gcsfs", "h2", "httpx", "keyring", "numpy", "orjson", "pandas",
    "paramiko", "pyarrow", "requests", "rich.console", "ruamel.yaml", "s3fs", "sqlite3", "starlette", "urllib3",
    "uvicorn",
}  # fmt: skip


def test_nothing_heavy_is_imported_before_a_profile_asks_for_it(tmp_path: Path) -> None:
    """Counted and not timed: importing the core and declaring every built-in plugin stays cheap."""
    done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=tmp_path, capture_output=True, text=True, check=True)
    core, loaded = (set(line.split()) for line in done.stdout.splitlines())
    assert sorted(loaded & HEAVY) == []
    bare = subprocess.run(
        [sys.executable, "-c", "import sys, pydantic, pluggy, click; pydantic.BaseModel; print(len(sys.modules))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(core) < int(bare.stdout) + 70
    assert len(loaded) < len(core) + 64
