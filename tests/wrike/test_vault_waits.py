"""A login in a keyring that waits for somebody: runs and logins give it up as they do with any other secret."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import keyring  # noqa: TID253 - a keyring of the test's own
import pytest

from tests.wrike.test_oauth import Memory
from wrikebackup_core import SecretError, secrets
from wrikebackup_wrike.vault import Grant, KeyringVault


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    over = threading.Event()
    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    for name in ("get_password", "set_password"):
        monkeypatch.setattr(Memory, name, lambda *_: over.wait(60) and None)
    monkeypatch.setattr(secrets, "_KEYRING_SECONDS", 0.05)
    yield
    over.set()
    keyring.set_keyring(before)


@pytest.mark.usefixtures("locked")
def test_a_keyring_that_waits_is_given_up_with_what_to_do(tmp_path: Path) -> None:
    vault = KeyringVault("c1", tmp_path / "lock")
    with pytest.raises(SecretError, match="does not answer for wrikebackup-wrike/c1 within") as loaded:
        vault.load()
    with pytest.raises(SecretError, match="does not take wrikebackup-wrike/c1 within") as saved:
        vault.save(Grant("r-secret"))
    assert "unlock it" in str(loaded.value.hint)
    assert "r-secret" not in f"{saved.value}{saved.value.hint}"
