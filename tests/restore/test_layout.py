"""Restored to the layout of Wrike's own tool: everything as it was before it was encoded, and a backup in its own right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.restore.backups import SUFFIX, Mask, attachment, original, restored, stored
from tests.verify.sample import ACCOUNT, FILES, UID, Sample
from wrikebackup_core.engine.restore import RestoreJob, Selection, Shape, plan_restore, restore
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import ExitCode, FormatError, KeyRefused, Locked, SinkError, UsageError
from wrikebackup_core.format import layout, names
from wrikebackup_core.model import AttachmentMode, Event, FileStarted, Gap
from wrikebackup_core.ports import Reader
from wrikebackup_core.store import AccountStore
from wrikebackup_core.testing import MemorySink

PLAN = attachment("IEAAAEDYIYAB7DLK", "plan.pdf")
SUMS, MANIFEST = layout.sums_key(ACCOUNT.id, UID), layout.manifest_key(ACCOUNT.id, UID)


def damage(sink: MemorySink) -> list[tuple[str, str]]:
    return [(one.key, one.what) for one in verify(sink, ACCOUNT.id, UID, lambda _: None).findings]


def test_a_plain_backup_comes_back_byte_for_byte(tmp_path: Path) -> None:
    source, backup = stored(Sample())
    target = MemorySink("target")
    result = restored(backup, target, tmp_path)
    assert (result.exit_code, result.files, result.there) == (ExitCode.DONE, len(FILES) + 2, 0)
    assert {key: data for key, data in target.objects.items() if key != MANIFEST and key != SUMS} == {
        key: data for key, data in source.objects.items() if key != MANIFEST and key != SUMS
    }
    assert damage(target) == []


def test_an_encoded_backup_comes_back_plain_and_verifies(tmp_path: Path) -> None:
    sample = Sample(artifacts={"bi-export/a.csv": b"a,b\n"})
    plain = MemorySink("plain")
    Sample(artifacts=sample.artifacts).store(plain)
    _, backup = stored(sample, Mask())
    target = MemorySink("target")
    assert restored(backup, target, tmp_path).exit_code is ExitCode.DONE
    assert target.objects.keys() == plain.objects.keys()
    assert all(target.objects[key] == data for key, data in plain.objects.items() if key not in (SUMS, MANIFEST))
    manifest = AccountStore(target, ACCOUNT.id).manifest(UID)
    assert (manifest.transforms, manifest.complete, manifest.attachments.total) == ((), True, len(FILES))
    assert manifest.sha256sums == hashlib.sha256(target.objects[SUMS]).hexdigest()
    assert damage(target) == []


def test_hidden_names_come_back(tmp_path: Path) -> None:
    source, _ = stored(Sample(), Mask())
    for id_, name in (("IEAAAEDYIYAB7DLK", "plan.pdf"), ("MwAAAAEQ_HoO", "new.txt")):
        shown, hidden = attachment(id_, name, SUFFIX), names.hidden_file_name(id_, SUFFIX)
        source.objects[f"{layout.attachments_folder(ACCOUNT.id)}/{hidden}"] = source.objects.pop(shown)
        file = shown.rpartition("/")[2]
        source.objects[SUMS] = source.objects[SUMS].replace(
            f"attachments/{file}\n".encode(), f"attachments/{hidden}\n".encode()
        )
    target = MemorySink("target")
    assert restored(original(source, UID, Mask()), target, tmp_path).exit_code is ExitCode.DONE
    assert target.objects[PLAN] == FILES["IEAAAEDYIYAB7DLK"]
    assert target.objects[attachment("MwAAAAEQ_HoO", "new.txt")] == FILES["MwAAAAEQ_HoO"]
    assert damage(target) == []


def test_a_key_that_does_not_fit_writes_nothing(tmp_path: Path) -> None:
    _, backup = stored(Sample(), Mask(key=False))
    target = MemorySink("target")
    with pytest.raises(KeyRefused, match=rf"^account-\S+{SUFFIX}: the key does not fit"):
        restored(backup, target, tmp_path)
    assert target.objects == {}


def test_files_that_the_key_does_not_fit_are_told_and_the_others_restored(tmp_path: Path) -> None:
    """Attachments are shared by backups that may have been encrypted to different keys."""

    class Some(Mask):
        def decode(self, stored: object) -> object:  # type: ignore[override]
            if getattr(stored, "size", 0) == len(FILES["IEAAAEDYIYAB7DLK"]) + 5:
                raise KeyRefused("the key does not fit")
            return super().decode(stored)  # type: ignore[arg-type]

    _, backup = stored(Sample(), Some())
    target = MemorySink("target")
    result = restored(backup, target, tmp_path)
    assert (result.exit_code, result.files) == (ExitCode.KEY_REFUSED, len(FILES) + 1)
    assert PLAN not in target.objects
    assert AccountStore(target, ACCOUNT.id).manifest(UID).complete is False


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("harm", ["missing", "damaged", "swapped", "unreadable"])
def test_what_is_not_right_is_told_and_the_rest_restored(tmp_path: Path, harm: str, encoded: bool) -> None:
    source, backup = stored(Sample(), *([Mask()] if encoded else []))
    suffix = SUFFIX if encoded else ""
    victim = attachment("IEAAAEDYIYAB7DLK", "plan.pdf", suffix)
    if harm == "missing":
        del source.objects[victim]
    elif harm == "damaged":
        source.objects[victim] = source.objects[victim][:-1] + b"?"
    elif harm == "swapped":  # the content of another one, which decodes without fault
        source.objects[victim] = source.objects[attachment("MwAAAAEQ_HoO", "new.txt", suffix)]
    else:
        source.fail("open", keys=victim, times=None)
    target = MemorySink("target")
    result = restored(backup, target, tmp_path)
    assert (result.exit_code, result.files) == (ExitCode.PARTIAL, len(FILES) + 1)
    [finding] = result.findings
    assert (finding.key, finding.what) == (victim, "damaged" if harm == "swapped" else harm)
    assert PLAN not in target.objects
    manifest = AccountStore(target, ACCOUNT.id).manifest(UID)
    assert (manifest.complete, [(gap.kind, gap.id) for gap in manifest.gaps]) == (
        False,
        [("attachments", "IEAAAEDYIYAB7DLK")],
    )
    assert damage(target) == []  # it says itself what it lacks


class Picky(Mask):
    """Takes damage of what is in front for a key that does not fit, as whoever reads headers with keys in them must."""

    def decode(self, stored: Reader) -> Reader:
        try:
            return super().decode(stored)
        except FormatError as error:
            raise KeyRefused("the key does not fit") from error


@pytest.mark.parametrize("which", ["backup", "records", "attachment"])
def test_damage_that_looks_like_a_wrong_key_is_told_as_damage_and_costs_that_file_only(
    tmp_path: Path, which: str
) -> None:
    source, backup = stored(Sample(), Picky())
    key = f"{layout.backup_folder(ACCOUNT.id, UID)}/{which}-{UID}.zip{SUFFIX}"
    if which == "attachment":
        key = attachment("IEAAAEDYIYAB7DLK", "plan.pdf", SUFFIX)
    source.objects[key] = b"?" + source.objects[key][1:]
    result = restored(backup, MemorySink("target"), tmp_path)
    assert [(one.key, one.what) for one in result.findings] == [(key, "damaged")]
    assert (result.exit_code, result.files) == (ExitCode.PARTIAL, len(FILES) + 1)


@pytest.mark.parametrize("which", ["backup", "records"])
def test_a_damaged_zip_costs_that_zip_only(tmp_path: Path, which: str) -> None:
    source, backup = stored(Sample())
    key = f"{layout.backup_folder(ACCOUNT.id, UID)}/{which}-{UID}.zip"
    source.objects[key] = source.objects[key][:-1] + b"?"
    target = MemorySink("target")
    result = restored(backup, target, tmp_path)
    assert [(one.key, one.what) for one in result.findings] == [(key, "damaged")]
    assert (result.exit_code, result.files) == (ExitCode.PARTIAL, len(FILES) + 1)
    assert target.objects[PLAN] == FILES["IEAAAEDYIYAB7DLK"]


def test_with_both_zips_lost_the_files_come_back_under_their_stored_names(tmp_path: Path) -> None:
    source, backup = stored(Sample(), Mask())
    for key in list(source.objects):
        if ".zip" in key:
            del source.objects[key]
    target = MemorySink("target")
    assert restored(backup, target, tmp_path).files == len(FILES)
    assert target.objects[PLAN] == FILES["IEAAAEDYIYAB7DLK"]


def test_checksums_that_the_manifest_does_not_vouch_for_are_told(tmp_path: Path) -> None:
    source, _ = stored(Sample())
    target = MemorySink("target")
    restored(original(source, UID), target, tmp_path)
    lines = target.objects[SUMS].splitlines(keepends=True)
    target.objects[SUMS] = b"".join(reversed(lines))
    again = MemorySink("again")
    result = restored(original(target, UID), again, tmp_path)
    assert [(one.key, one.what) for one in result.findings] == [(SUMS, "damaged")]
    assert AccountStore(again, ACCOUNT.id).manifest(UID).complete is False


def test_a_second_restore_writes_only_what_is_lacking(tmp_path: Path) -> None:
    _, backup = stored(Sample(), Mask())
    target = MemorySink("target")
    restored(backup, target, tmp_path)
    del target.objects[PLAN]
    result = restored(backup, target, tmp_path)
    assert (result.exit_code, result.files, result.there) == (ExitCode.DONE, 1, len(FILES) + 1)


def test_notes_spare_fetching_what_an_interrupted_restore_wrote(tmp_path: Path) -> None:
    source, backup = stored(Sample(), Mask())
    target = MemorySink("target")
    target.fail("create", keys="*.zip")
    with pytest.raises(SinkError):
        restored(backup, target, tmp_path)
    there = {key for key in target.objects if "/attachments/" in key}
    assert there
    opened: list[str] = []
    real = source.open
    source.open = lambda key, offset=0: (opened.append(key), real(key, offset))[1]  # type: ignore[method-assign]
    assert restored(backup, target, tmp_path).exit_code is ExitCode.DONE
    assert {f"{key}{SUFFIX}" for key in there}.isdisjoint(opened)
    assert damage(target) == []


def test_a_file_that_is_there_and_differs_is_told_and_left(tmp_path: Path) -> None:
    _, backup = stored(Sample())
    target = MemorySink("target", {PLAN: b"my own"})
    result = restored(backup, target, tmp_path)
    assert (result.exit_code, [one.key for one in result.kept]) == (ExitCode.PARTIAL, [PLAN])
    assert target.objects[PLAN] == b"my own"
    assert PLAN.rpartition("/")[2].encode() not in target.objects[SUMS]
    assert AccountStore(target, ACCOUNT.id).manifest(UID).complete is False


def test_a_second_restore_from_elsewhere_fills_in_what_the_first_could_not(tmp_path: Path) -> None:
    source, backup = stored(Sample())
    whole = dict(source.objects)
    del source.objects[PLAN]
    target = MemorySink("target")
    assert restored(backup, target, tmp_path).exit_code is ExitCode.PARTIAL
    other = MemorySink("other", whole)
    result = restored(original(other, UID), target, tmp_path)
    assert (result.exit_code, result.files, result.kept) == (ExitCode.DONE, 1, [])
    assert AccountStore(target, ACCOUNT.id).manifest(UID).complete is True
    assert damage(target) == []


def test_checksums_of_another_origin_are_left_and_told(tmp_path: Path) -> None:
    _, backup = stored(Sample())
    target = MemorySink("target", {SUMS: b"mine\n"})
    result = restored(backup, target, tmp_path)
    assert (result.exit_code, [one.key for one in result.kept]) == (ExitCode.PARTIAL, [SUMS])
    assert (target.objects[SUMS], MANIFEST in target.objects) == (b"mine\n", False)


def test_the_place_of_the_encoded_backup_itself_is_refused(tmp_path: Path) -> None:
    sample = Sample()
    source, _ = stored(sample, Mask())
    source.objects[MANIFEST] = source.objects[MANIFEST].replace(
        b'"kind": "encrypt"', b'"kind": "encrypt", "suffix": ".mask"'
    )
    before = dict(source.objects)
    with pytest.raises(UsageError, match="as it is stored, encoded"):
        restored(original(source, UID, Mask()), source, tmp_path)
    assert source.objects == before


def test_gaps_of_the_backup_stay_gaps_and_are_no_findings(tmp_path: Path) -> None:
    sample = Sample(gaps=(Gap("attachments", "IEAAAEDYIYAB7DLK", "not to be had"),))
    del sample.files["IEAAAEDYIYAB7DLK"]
    _, backup = stored(sample)
    target = MemorySink("target")
    result = restored(backup, target, tmp_path)
    assert (result.exit_code, result.gaps, result.findings) == (ExitCode.DONE, 1, [])
    assert AccountStore(target, ACCOUNT.id).manifest(UID).complete is False


def test_a_backup_without_attachments_misses_none(tmp_path: Path) -> None:
    _, backup = stored(Sample(mode=AttachmentMode.NONE))
    result = restored(backup, MemorySink("target"), tmp_path)
    assert (result.exit_code, result.files) == (ExitCode.DONE, 2)


def test_files_of_the_recycle_bin_are_not_missing(tmp_path: Path) -> None:
    sample = Sample()
    sample.records = {kind: [dict(record) for record in records] for kind, records in sample.records.items()}
    for record in sample.records["attachments"]:  # type: ignore[index]
        if record["id"] == "IEAAAEDYIYAB7DLM":
            record["folderId"] = "IEAAAEDYI4AB7DLK"  # a folder in the bin
    del sample.files["IEAAAEDYIYAB7DLM"]
    _, backup = stored(sample)
    assert restored(backup, MemorySink("target"), tmp_path).exit_code is ExitCode.DONE


def test_what_a_selection_leaves_out_the_manifest_owns_up_to_and_another_adds(tmp_path: Path) -> None:
    _, backup = stored(Sample(artifacts={"bi-export/a.csv": b"a\n"}))
    target = MemorySink("target")
    result = restored(backup, target, tmp_path, selection=Selection(names=("*.pdf",)))
    assert (result.exit_code, result.files, result.left_out) == (ExitCode.DONE, 3, 3)
    manifest = AccountStore(target, ACCOUNT.id).manifest(UID)
    assert (manifest.complete, manifest.attachments.total, manifest.files.artifacts) == (False, 1, ())
    assert {gap.id for gap in manifest.gaps} == (FILES.keys() - {"IEAAAEDYIYAB7DLK"}) | {"a.csv"}
    assert damage(target) == []
    restored(backup, target, tmp_path, selection=Selection(names=("*.txt",)))
    manifest = AccountStore(target, ACCOUNT.id).manifest(UID)
    assert (manifest.complete, manifest.attachments.total) == (False, 2)
    assert damage(target) == []
    assert restored(backup, target, tmp_path).exit_code is ExitCode.DONE
    assert AccountStore(target, ACCOUNT.id).manifest(UID).complete is True
    assert damage(target) == []


def test_a_selection_to_the_place_of_a_full_restore_finds_all_there(tmp_path: Path) -> None:
    _, backup = stored(Sample(), Mask())
    target = MemorySink("target")
    assert restored(backup, target, tmp_path).exit_code is ExitCode.DONE
    before = dict(target.objects)
    result = restored(backup, target, tmp_path, selection=Selection(names=("*.pdf",)))
    assert (result.exit_code, result.kept, target.objects) == (ExitCode.DONE, [], before)


def test_checksums_that_do_not_cover_what_was_restored_are_told(tmp_path: Path) -> None:
    _, backup = stored(Sample())
    target = MemorySink("target")
    restored(backup, target, tmp_path / "one", selection=Selection(names=("*.pdf",)))
    result = restored(backup, target, tmp_path / "other")
    assert (result.exit_code, [one.key for one in result.kept]) == (ExitCode.PARTIAL, [SUMS, MANIFEST])


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    source, backup = stored(Sample())
    del source.objects[PLAN]
    target = MemorySink("target", {attachment("MwAAAAEQ_HoO", "new.txt"): b"?"})
    before = dict(target.objects)
    job = RestoreJob(backup, target, Shape.LAYOUT, Selection(), tmp_path / "state")
    planned = plan_restore(job, lambda _: None)
    assert (planned.files, planned.pages, planned.there, planned.exit_code) == (len(FILES) + 2, 0, 1, ExitCode.PARTIAL)
    assert [one.key for one in planned.findings] == [PLAN]
    assert (target.objects, (tmp_path / "state").exists()) == (before, False)


def test_two_restores_to_one_place_at_once_are_refused(tmp_path: Path) -> None:
    _, backup = stored(Sample())
    target = MemorySink("target")

    def again(event: Event) -> None:
        if isinstance(event, FileStarted):
            with pytest.raises(Locked):
                restored(backup, target, tmp_path)

    restore(RestoreJob(backup, target, Shape.LAYOUT, Selection(), tmp_path), again)


def test_a_file_whose_checksum_is_lost_is_told_and_not_restored(tmp_path: Path) -> None:
    source, backup = stored(Sample())
    lines = source.objects[SUMS].splitlines(keepends=True)
    source.objects[SUMS] = b"".join(b"?" + line[1:] if b"plan.pdf" in line else line for line in lines)
    target = MemorySink("target")
    result = restored(backup, target, tmp_path)
    assert (result.exit_code, PLAN in target.objects) == (ExitCode.PARTIAL, False)
    assert (PLAN, "unlisted") in [(one.key, one.what) for one in result.findings]
