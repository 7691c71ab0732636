"""What somebody who can write to a sink can do to signed backups, and that verification says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.age.signed import keygen, needs_openssh, public, signing, verifies
from tests.engine.test_backup import ROOT, folder, manifest, run
from wrikebackup_age.signing import signed_by
from wrikebackup_core import Kind, Message, SinkError
from wrikebackup_core.engine.copying import Copied, CopyJob, copy
from wrikebackup_core.engine.job import Job, Outcome
from wrikebackup_core.engine.lineage import Lineage
from wrikebackup_core.engine.remembered import Newest, recall, remember, rolled_back
from wrikebackup_core.engine.verify import Checks, Report, verify
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.testing import MemorySink

pytestmark = needs_openssh
MakeJob = Callable[..., Job]
ACCOUNT = "IEAAAEDY"


@pytest.fixture
def backups(make_job: MakeJob, source: Any, key: Path) -> tuple[MemorySink, list[Outcome]]:
    """Three signed backups; between them a task changed."""
    sink, outcomes = MemorySink("a"), []
    for number in range(3):
        source.listing[Kind.TASKS][0]["title"] = f"{number}"
        outcomes.append(run(make_job(sink, transforms=[signing(key)])))
    return sink, outcomes


def check(sink: MemorySink, outcome: Outcome, key: Path) -> Report:
    checks = Checks([signed_by(public(key))])
    return verify(sink, ACCOUNT, outcome.backup_uid, lambda _: None, checks=checks)


def found(sink: MemorySink, outcome: Outcome, key: Path) -> set[tuple[str, str]]:
    """What is found, by file name; with how the backups hang together."""
    findings = [
        *check(sink, outcome, key).findings,
        *Lineage(sink, ACCOUNT).findings(outcome.backup_uid, [signed_by(public(key))], []),
    ]
    return {(finding.key.removeprefix(f"{folder(outcome)}/"), finding.what) for finding in findings}


def test_signed_backups_verify_and_the_report_says_who_signed(backups, key: Path) -> None:
    sink, outcomes = backups
    for outcome in outcomes:
        assert found(sink, outcome, key) == set()
        assert check(sink, outcome, key).signed_by == "ada@example.com"
    everything = sum(key.startswith((folder(outcomes[0]), f"{ROOT}/attachments/")) for key in sink.objects)
    assert check(sink, outcomes[0], key).objects == everything


def test_both_signatures_verify_with_ssh_keygen_alone(backups, key: Path) -> None:
    sink, outcomes = backups
    for name in ("manifest.json", "SHA256SUMS"):
        content = sink.objects[f"{folder(outcomes[1])}/{name}"]
        assert verifies(key, content, sink.objects[f"{folder(outcomes[1])}/{name}.sig"])


def test_a_backup_from_outside_the_time_of_its_key_is_refused_with_both(backups, key: Path) -> None:
    sink, outcomes = backups
    for options, words in (
        ('valid-before="20250101Z"', "ada, whose key was valid before 20250101Z only: the backup was begun at 20"),
        ('valid-before="20990101Z",valid-after="20980101Z"', "ada, whose key is valid after 20980101Z only"),
    ):
        checks = Checks([signed_by(f"ada {options} {public(key)}")])
        report = verify(sink, ACCOUNT, outcomes[1].backup_uid, lambda _: None, checks=checks)
        assert [finding.what for finding in report.findings] == ["untrusted", "untrusted"]
        assert all(words in finding.detail for finding in report.findings)
        assert report.signed_by is None
    checks = Checks([signed_by(f'ada valid-before="20990101Z",valid-after="20250101Z" {public(key)}')])
    assert not verify(sink, ACCOUNT, outcomes[1].backup_uid, lambda _: None, checks=checks).findings


def reseal(sink: MemorySink, where: str, **changes: object) -> None:
    """Alters a manifest as somebody would who knows the format: its own checksum is right again."""
    from datetime import datetime

    import msgspec

    key = f"{where}/manifest.json"
    altered = msgspec.structs.replace(Manifest.decode(sink.objects[key], key), **changes)
    assert isinstance(altered.started, datetime)
    sink.objects[key] = altered.encode()


def test_an_altered_manifest_is_found(backups, key: Path) -> None:
    sink, outcomes = backups
    reseal(sink, folder(outcomes[1]), complete=False)
    assert found(sink, outcomes[1], key) >= {("manifest.json", "untrusted"), ("manifest.json", "replaced")}


def test_altered_content_is_found_though_all_checksums_were_made_anew(backups, key: Path) -> None:
    import hashlib

    sink, outcomes = backups
    attachment = f"{ROOT}/attachments/IEAAAEDYIYAAAAAB-one.txt"
    old = hashlib.sha256(sink.objects[attachment]).hexdigest().encode()
    sink.objects[attachment] = b"forge"
    new = hashlib.sha256(b"forge").hexdigest().encode()
    sums = f"{folder(outcomes[2])}/SHA256SUMS"
    sink.objects[sums] = sink.objects[sums].replace(old, new)
    assert found(sink, outcomes[2], key) >= {("SHA256SUMS", "untrusted"), ("SHA256SUMS", "damaged")}
    reseal(sink, folder(outcomes[2]), sha256sums=hashlib.sha256(sink.objects[sums]).hexdigest())
    assert found(sink, outcomes[2], key) == {("SHA256SUMS", "untrusted"), ("manifest.json", "untrusted")}


def test_what_another_signed_is_refused(backups, key: Path, other: Path) -> None:
    sink, outcomes = backups
    for name in ("manifest.json", "SHA256SUMS"):
        made = keygen(
            "-Y", "sign", "-f", other, "-n", "wrikebackup", given=sink.objects[f"{folder(outcomes[2])}/{name}"]
        )
        sink.objects[f"{folder(outcomes[2])}/{name}.sig"] = made.stdout
    assert found(sink, outcomes[2], key) == {("SHA256SUMS", "untrusted"), ("manifest.json", "untrusted")}
    trusted = Checks([signed_by(public(key)), signed_by(public(other))])
    assert verify(sink, ACCOUNT, outcomes[2].backup_uid, lambda _: None, checks=trusted).findings == ()


def test_an_unsigned_backup_is_refused(make_job: MakeJob, key: Path) -> None:
    sink = MemorySink()
    outcome = run(make_job(sink))
    assert found(sink, outcome, key) == {("SHA256SUMS", "unsigned"), ("manifest.json", "unsigned")}
    assert check(sink, outcome, key).signed_by is None


def test_a_signature_that_was_taken_away_is_missed_with_and_without_a_signer(backups, key: Path) -> None:
    sink, outcomes = backups
    del sink.objects[f"{folder(outcomes[2])}/manifest.json.sig"]
    assert found(sink, outcomes[2], key) == {("manifest.json", "unsigned"), ("manifest.json.sig", "missing")}
    plain = verify(sink, ACCOUNT, outcomes[2].backup_uid, lambda _: None)
    assert [(one.key.rpartition("/")[2], one.what) for one in plain.findings] == [("manifest.json.sig", "missing")]


def test_a_backup_that_was_signed_by_hand_later_is_accepted(make_job: MakeJob, key: Path) -> None:
    sink = MemorySink()
    outcome = run(make_job(sink))
    for name in ("manifest.json", "SHA256SUMS"):
        made = keygen("-Y", "sign", "-f", key, "-n", "wrikebackup", given=sink.objects[f"{folder(outcome)}/{name}"])
        sink.objects[f"{folder(outcome)}/{name}.sig"] = made.stdout
    assert found(sink, outcome, key) == set()


def swap(sink: MemorySink, one: str, two: str, *names: str) -> None:
    for name in names:
        first, second = f"{one}/{name}", f"{two}/{name}"
        sink.objects[first], sink.objects[second] = sink.objects[second], sink.objects[first]


def test_backups_that_changed_places_are_found(backups, key: Path) -> None:
    sink, outcomes = backups
    one, two = folder(outcomes[0]), folder(outcomes[1])
    moved = {}
    for at, data in list(sink.objects.items()):
        for here, there, a, b in ((one, two, outcomes[0], outcomes[1]), (two, one, outcomes[1], outcomes[0])):
            if at.startswith(f"{here}/"):
                moved[at.replace(here, there).replace(a.backup_uid, b.backup_uid)] = data
    sink.objects.update(moved)
    for outcome in outcomes[:2]:
        assert ("manifest.json", "damaged") in found(sink, outcome, key)
    assert ("manifest.json", "replaced") in found(sink, outcomes[1], key), "signed, but as another backup"


def test_parts_of_two_backups_that_were_mixed_are_found(backups, key: Path) -> None:
    """Each part with its own true signature."""
    sink, outcomes = backups
    one, two = folder(outcomes[0]), folder(outcomes[1])
    swap(sink, one, two, "SHA256SUMS", "SHA256SUMS.sig")
    assert ("SHA256SUMS", "damaged") in found(sink, outcomes[1], key)
    without = verify(sink, ACCOUNT, outcomes[1].backup_uid, lambda _: None)
    assert any(one.key.endswith("/SHA256SUMS") and "the manifest names" in one.detail for one in without.findings)


def test_a_backup_that_was_exchanged_does_not_fit_the_next_one_without_any_signer(backups) -> None:
    sink, outcomes = backups
    assert list(Lineage(sink, ACCOUNT).findings(None, [], [])) == []
    reseal(sink, folder(outcomes[0]), complete=False)
    assert list(Lineage(sink, ACCOUNT).findings(None, [], [])) == [], "it may have been copied from another sink"
    (finding,) = Lineage(sink, ACCOUNT).doubtful(None, [])
    assert finding.key == f"{folder(outcomes[0])}/manifest.json"
    assert finding.what == "replaced"
    assert outcomes[1].backup_uid in finding.detail


def test_a_backup_that_is_gone_is_told_of_and_no_damage(backups) -> None:
    """Pruning removes backups; so may somebody else. Nobody can tell."""
    sink, outcomes = backups
    for at in [at for at in sink.objects if at.startswith(folder(outcomes[1]))]:
        del sink.objects[at]
    lineage = Lineage(sink, ACCOUNT)
    assert list(lineage.findings(None, [], [])) == []
    assert list(lineage.gone()) == [(outcomes[1].backup_uid, outcomes[2].backup_uid)]


def warnings(job: Job) -> list[str]:
    events: list[Any] = []
    run(job, events)
    return [event.text for event in events if isinstance(event, Message) and event.warning]


def test_a_sink_that_was_set_back_is_told_of_by_the_next_run_once(make_job: MakeJob, tmp_path: Path) -> None:
    sink = MemorySink("a")
    job = make_job(sink)
    run(job)
    earlier = dict(sink.objects)
    newest = run(job)
    assert [one.backup_uid for one in recall(job.state, sink.name)] == [newest.backup_uid]
    sink.objects.clear()
    sink.objects.update(earlier)
    (remembered,) = recall(job.state, sink.name, ACCOUNT)
    assert newest.backup_uid in (rolled_back(sink, remembered) or "")
    assert "is gone" in (rolled_back(sink, remembered) or "")
    (warning,) = warnings(job)
    assert warning.startswith("memory:a: the newest backup that this host has stored there")
    assert warnings(job) == []


def test_a_newest_manifest_that_was_exchanged_is_told_of(make_job: MakeJob) -> None:
    sink = MemorySink("a")
    job = make_job(sink)
    outcome = run(job)
    sink.objects[f"{folder(outcome)}/manifest.json"] += b" "
    (remembered,) = recall(job.state, sink.name)
    assert "has another manifest" in (rolled_back(sink, remembered) or "")


def test_a_state_folder_that_cannot_be_written_ends_no_run(make_job: MakeJob) -> None:
    job = make_job(MemorySink("a"))
    job.state.mkdir(parents=True, exist_ok=True)
    (job.state / "newest").write_text("in the way")
    assert any("cannot note in" in warning for warning in warnings(job))


def test_notes_of_several_sinks_and_accounts_are_kept_apart_and_damaged_ones_forgotten(tmp_path: Path) -> None:
    notes = [Newest(account, sink, "20261123T153000Z-7f3a9c", "0" * 64) for account in "AB" for sink in ("x", "y")]
    for note in notes:
        remember(tmp_path, note)
    assert recall(tmp_path, "x") == [notes[0], notes[2]]
    assert recall(tmp_path, "y", "B") == [notes[3]]
    for path in (tmp_path / "newest").iterdir():
        assert path.suffix == ".json", "nothing else is left behind"
        path.write_bytes(path.read_bytes()[:20])
    assert recall(tmp_path, "x") == []


def test_a_run_that_was_killed_before_its_manifest_is_finished_or_begun_anew_where_the_store_locks(
    make_job: MakeJob, key: Path
) -> None:
    for sink in (MemorySink("a"), MemorySink("b", lock_days=30)):
        sink.fail("commit", keys="*/manifest.json")
        with pytest.raises(SinkError):
            run(make_job(sink, transforms=[signing(key)]))
        assert any(at.endswith("manifest.json.sig") for at in sink.objects)
        outcome = run(make_job(sink, transforms=[signing(key)]))
        assert found(sink, outcome, key) == set()


def copied(tmp_path: Path, source: MemorySink, target: MemorySink, backups: Sequence[str] = ()) -> Copied:
    from wrikebackup_core.plugins import Plugins

    return copy(CopyJob(source, [target], tmp_path / "copying", Plugins(), backups=backups), lambda _: None)


def test_a_copied_backup_verifies_in_the_target_with_its_signatures(backups, key: Path, tmp_path: Path) -> None:
    sink, outcomes = backups
    target, order = MemorySink("target"), list[str]()
    target.before = lambda operation, key: order.append(key.rpartition("/")[2]) if operation == "commit" else None
    assert copied(tmp_path, sink, target).exit_code == 0
    assert target.objects == sink.objects
    assert order[-3:] == ["SHA256SUMS.sig", "manifest.json.sig", "manifest.json"]
    for outcome in outcomes:
        assert found(target, outcome, key) == set()


def test_a_target_with_some_of_the_backups_only_is_no_alarm(backups, key: Path, tmp_path: Path) -> None:
    sink, outcomes = backups
    target = MemorySink("target")
    copied(tmp_path, sink, target, [outcomes[0].backup_uid, outcomes[2].backup_uid])
    lineage = Lineage(target, ACCOUNT)
    assert list(lineage.findings(None, [signed_by(public(key))], [])) == []
    assert list(lineage.gone()) == [(outcomes[1].backup_uid, outcomes[2].backup_uid)]


def test_a_signature_that_the_source_lost_keeps_its_backup_from_being_copied(backups, tmp_path: Path) -> None:
    sink, outcomes = backups
    lost = f"{folder(outcomes[1])}/manifest.json.sig"
    del sink.objects[lost]
    target = MemorySink("target")
    done = copied(tmp_path, sink, target)
    assert [(flaw.finding.key, flaw.finding.what) for flaw in done.flaws] == [(lost, "missing")]
    assert not any(at.startswith(folder(outcomes[1])) and at.endswith("manifest.json") for at in target.objects)


def test_a_signature_that_the_target_lost_is_copied_again(backups, key: Path, tmp_path: Path) -> None:
    sink, outcomes = backups
    target = MemorySink("target")
    copied(tmp_path, sink, target)
    del target.objects[f"{folder(outcomes[1])}/SHA256SUMS.sig"]
    assert copied(tmp_path, sink, target).targets[0].filled == [outcomes[1].backup_uid]
    assert target.objects == sink.objects


def test_a_copy_that_was_killed_before_the_manifest_is_finished_with_its_signatures(
    backups, key: Path, tmp_path: Path
) -> None:
    sink, outcomes = backups
    target = MemorySink("target")
    copied(tmp_path, sink, target)
    where = folder(outcomes[2])
    del target.objects[f"{where}/manifest.json"]
    target.objects[f"{where}/manifest.json.sig"] = b"half"
    assert copied(tmp_path, sink, target).exit_code == 0
    assert target.objects == sink.objects


def test_the_sinks_of_one_run_may_be_mixed_by_a_copy_without_an_alarm(
    make_job: MakeJob, key: Path, tmp_path: Path
) -> None:
    """Each has a manifest of its own: a copied backup names that of the sink which it comes from."""
    one, two = MemorySink("a"), MemorySink("b")
    run(make_job(two, transforms=[signing(key)]))
    both = run(make_job(one, two, transforms=[signing(key)]))
    assert manifest(one, both) != manifest(two, both), "what was before, and what was new, differ"
    run(make_job(one, transforms=[signing(key)]))
    copied(tmp_path, one, two)
    lineage = Lineage(two, ACCOUNT)
    assert list(lineage.findings(None, [signed_by(public(key))], [])) == []
    assert list(lineage.findings(None, [], [one])) == []
    assert list(lineage.findings(None, [], [])) == []
    assert [finding.what for finding in lineage.doubtful(None, [])] == ["replaced"]


def test_a_manifest_that_names_what_cannot_vouch_for_it_is_not_followed(backups, key: Path) -> None:
    sink, outcomes = backups
    where = folder(outcomes[2])
    data = json.loads(sink.objects[f"{where}/manifest.json"])
    data["files"]["attestations"] = ["../../x", f"backup-{outcomes[2].backup_uid}.zip", "manifest.json./../x"]
    sink.objects[f"{where}/manifest.json"] = json.dumps(data).encode()
    names = {name for name, _ in found(sink, outcomes[2], key)}
    assert names == {"manifest.json"}
