"""The program prunes encrypted backups on every kind of store, on a host that has the public key alone."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("cryptography", reason="the extra age")

from tests.e2e.conftest import TOKEN, Place, Run
from tests.e2e.test_stores import Remote, fake_gcs, moto, remote  # noqa: F401 - fixtures
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer


@pytest.mark.slow
def test_runs_prune_what_they_cannot_decode(place: Place, run: Run, remote: Remote) -> None:  # noqa: F811
    key = place.root / "elsewhere.txt"
    recipient = run("keygen", key).stdout.strip()
    for at in range(4):
        account = MockAccount(tasks=20, attachments=10, attachment_size=2_000, seed=3)
        with MockServer(account, token=TOKEN) as server:
            place.profile.write_text(
                f'source:\n  wrike: {{base_url: "{server.base_url}", token: "env:E2E_TOKEN", rate: "off"}}\n'
                f"state: {place.root / 'state'}\ntransfers: 4\nsinks:\n  - {remote.line}\n"
                f"transforms:\n  - encrypt: {{recipients: [{recipient}]}}\n"
                f"  - retain: {{last: {2 if at < 3 else 9}, prune: {'true' if at < 3 else 'false'}}}\n"
            )
            done = run("--json", "backup", place.profile)
            assert done.returncode == 0, done.stderr
            outcome = json.loads(done.stdout.splitlines()[-1])
            assert (outcome["pruned"] is None) == (at == 3)
    listed = json.loads(run("--json", "list", place.profile).stdout)
    assert len(listed[0]["backups"]) == 3
    plan = run("prune", place.profile)
    assert plan.returncode == 0
    assert plan.stdout.endswith("nothing to delete\n")
    place.profile.write_text(place.profile.read_text().replace("last: 9", "last: 1"))
    assert "2 backups and 0 attachments" in run("prune", place.profile).stdout
    assert run("prune", "--yes", place.profile).returncode == 0
    looked = run("verify", "--all", "-i", key, place.profile)
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert len(json.loads(run("--json", "list", place.profile).stdout)[0]["backups"]) == 1
