"""A backup compared with the BI export: complete for what it can see, and what it cannot see is named."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.coverage.conftest import MakePlace, Place, manifest, report
from wrikebackup_age.age.x25519 import X25519Identity
from wrikebackup_age.encryption import decryption, encryption
from wrikebackup_age.options import EncryptOptions
from wrikebackup_core import (
    Artifact,
    Context,
    Crawled,
    Gap,
    Keys,
    Kind,
    Page,
    PluginError,
    Run,
    SinkError,
    Transform,
)
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.format.coverage import decode_report
from wrikebackup_core.model import AttachmentMode, CoverageMode
from wrikebackup_core.testing import MemoryReader, MemorySink
from wrikebackup_mock.bi_export import Whole
from wrikebackup_mock.bi_tables import SCHEMA, csv_of
from wrikebackup_mock.hidden import FILES, FOLDERS, TASKS, TIMELOGS, hidden
from wrikebackup_wrike.source import WrikeSource


def changed(place: Place, table: str, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> None:
    """From now on the export's table has other rows."""
    rows = csv.DictReader(io.StringIO(csv_of(place.server.account, table).decode(), newline=""))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [column["id"] for column in SCHEMA[table]["columns"]], lineterminator="\n")
    writer.writeheader()
    writer.writerows(change(list(rows)))
    place.server.exports.extra[table] = Whole(text.getvalue().encode())
    place.server.exports.renew()


def _records(place: Place, kind: str) -> list[dict[str, Any]]:
    trashed = False if kind in ("tasks", "folders") else None
    return list(place.server.account.dicts(Kind(kind), trashed=trashed))


def _tasks(place: Place) -> list[dict[str, Any]]:
    return _records(place, "tasks")


def _number(place: Place, id_: str) -> int:
    parsed = place.server.account.ids.parse(id_)
    assert parsed is not None
    return parsed.number


def _someone(place: Place) -> str:
    return str(_number(place, place.server.account.people.ids[2]))


def _fetched(place: Place) -> list[str]:
    return [entry.path for entry in place.server.requests if entry.template.startswith("/data_export/resource")]


def _decoded(data: bytes, identity: X25519Identity, folder: Path) -> bytes:
    file = folder / "key.txt"
    file.write_text(identity.secret())
    file.chmod(0o600)
    return decryption(Keys(files=(str(file),))).decode(MemoryReader(data)).read()


class _Losing:
    """A source whose lists lack one record; `blind` is one that can neither list again nor look up."""

    def __init__(self, source: WrikeSource, lost: str, *, blind: bool = False) -> None:
        self._source, self._lost = source, f'"id":"{lost}"'.encode()
        for name in ("account", "waves", "open_attachment", "export", "export_edition", "checks", "close"):
            setattr(self, name, getattr(source, name))
        if not blind:
            self.recount, self.look_up = source.recount, source.look_up

    def pages(self, kind: Kind, wave: int, crawled: Crawled, cursor: str | None) -> Iterator[Page]:
        for page in self._source.pages(kind, wave, crawled, cursor):
            kept = [record for record in page.records if self._lost not in record.replace(b" ", b"")[:200]]
            yield replace(page, records=kept)


def item(number: object, kind: str = "Task", **more: Any) -> dict[str, str]:
    plain = {"work_id": str(number), "work_title": "Told", "work_type": kind, "author_user_id": "", "work_status": ""}
    return plain | {"when_created": "2025-01-01 00:00:00", "when_changed": "2025-01-01 00:00:00"} | more


def test_an_account_with_two_spaces_that_its_admin_cannot_see_is_complete_for_what_it_can_see_and_names_them(
    make_place: MakePlace,
) -> None:
    place, sink = make_place(hidden_spaces=2), MemorySink()
    outcome = place.run(sink)
    assert outcome.exit_code is ExitCode.DONE
    assert outcome.complete
    assert outcome.coverage is not None
    truth, account = hidden(place.server.account), place.server.account
    kinds = outcome.coverage.kinds
    assert outcome.coverage.hidden_spaces == 2
    assert {kind: one.only_witness for kind, one in kinds.items()} == {
        "tasks": 2 * TASKS,
        "folders": 2 * (FOLDERS + 1),
        "attachments": 2 * FILES,
        "timelogs": 2 * TIMELOGS,
        "contacts": 0,
    }
    assert all(one.missing == one.recovered == one.other_size == 0 for one in kinds.values())
    assert kinds["tasks"].both == kinds["tasks"].crawled == outcome.counts["tasks"]
    found = report(sink)
    named = {one.space.number: one for one in found.groups if one.space is not None}
    assert list(named) == truth.spaces
    for index, (number, owner) in enumerate(zip(truth.spaces, truth.owners, strict=True)):
        group, number_of_owner = named[number], account.ids.parse(owner)
        assert group.space is not None
        assert number_of_owner is not None
        assert group.space.title == f"Secret space {index + 1}"
        assert [one.number for one in group.owners] == [number_of_owner.number]
        person = account.people.contact(account.people.ids.index(owner))
        assert (group.owners[0].name, group.owners[0].email) == (
            f"{person['firstName']} {person['lastName']}",
            person["primaryEmail"],
        )
        assert not group.visible
        assert group.kinds["tasks"].count == TASKS
        assert group.kinds["attachments"].first[0].size == 1000


def test_the_manifest_has_numbers_only(make_place: MakePlace) -> None:
    place, sink = make_place(hidden_spaces=2), MemorySink()
    place.run(sink)
    key = max(key for key in sink.objects if key.endswith("/manifest.json"))
    assert b"Secret" not in sink.objects[key]
    assert b"person2" not in sink.objects[key]
    coverage = manifest(sink).coverage
    assert coverage is not None
    assert coverage == report(sink).counts
    assert "coverage.json" in manifest(sink).files.artifacts


def test_what_was_touched_during_the_run_is_set_aside(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    later = f"{datetime.now(UTC).year + 1}-01-01 00:00:00"
    new = [item(3_000_000_001, when_created=later), item(3_000_000_002, when_changed=later)]
    changed(place, "work_item", lambda rows: [*rows, *new])
    outcome = place.run(sink)
    assert outcome.exit_code is ExitCode.DONE
    assert outcome.coverage is not None
    assert outcome.coverage.kinds["tasks"].set_aside == 2
    assert outcome.coverage.kinds["tasks"].only_witness == 0


def test_an_export_of_another_time_sets_aside_what_is_newer_than_it(make_place: MakePlace) -> None:
    """An old export lacks what was created since, which is no difference."""
    place, sink = make_place(), MemorySink()
    place.server.exports.age(400 * 24 * 3600)
    changed_since = [one for one in _tasks(place) if one["updatedDate"] >= "2025-11-01"]
    assert changed_since
    numbers = {str(_number(place, one["id"])) for one in changed_since}
    table = csv_of(place.server.account, "work_item").decode().splitlines(keepends=True)
    kept = [line for line in table if line.split(",")[0] not in numbers]
    place.server.exports.extra["work_item"] = Whole("".join(kept).encode())
    place.server.exports.renew()
    completed = datetime(2025, 11, 1, tzinfo=UTC)
    place.server.exports.age(datetime.now(UTC).timestamp() - completed.timestamp())
    outcome = place.run(sink)
    assert outcome.coverage is not None
    tasks = outcome.coverage.kinds["tasks"]
    assert (tasks.set_aside, tasks.only_crawl) == (len(changed_since), 0)


def test_something_that_the_export_has_and_nobody_shows_is_told_and_no_gap_where_it_could_be_looked_up(
    make_place: MakePlace,
) -> None:
    """Private folders lie in spaces that can be seen: what the API does not give by its id is not shared."""
    place, sink = make_place(), MemorySink()
    changed(place, "work_item", lambda rows: [*rows, item(3_000_000_001, author_user_id=_someone(place))])
    outcome = place.run(sink)
    assert outcome.exit_code is ExitCode.DONE
    assert outcome.coverage is not None
    assert outcome.coverage.kinds["tasks"].only_witness == 1
    assert place.server.requests.count("GET /ids") > 0
    (group,) = report(sink).groups
    assert group.space is None
    assert group.kinds["tasks"].first[0].number == 3_000_000_001
    assert group.owners[0].email.endswith("@example.com")


def test_a_task_that_every_list_lost_comes_into_the_backup_because_the_export_names_it(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    lost = _tasks(place)[7]["id"]
    source = _Losing(place.source(), lost)
    outcome = place.run(sink, source=source)
    assert outcome.exit_code is ExitCode.DONE
    assert outcome.coverage is not None
    assert outcome.coverage.kinds["tasks"].recovered == 1
    assert outcome.coverage.kinds["tasks"].only_witness == 0
    assert outcome.counts["tasks"] == len(_tasks(place))
    assert report(sink).differences["tasks"].recovered.count == 1


def test_where_it_cannot_be_looked_up_it_is_a_gap(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    lost = _tasks(place)[7]["id"]
    outcome = place.run(sink, source=_Losing(place.source(), lost, blind=True))
    assert outcome.exit_code is ExitCode.PARTIAL
    assert outcome.coverage is not None
    assert outcome.coverage.kinds["tasks"].missing == 1
    (gap,) = outcome.gaps
    assert gap.id == str(_number(place, lost))
    assert "the BI export has it" in gap.reason
    assert manifest(sink).complete is False


def test_files_of_another_size_are_told(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()

    def grown(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        rows[0]["attachment_file_size_bytes"] = "7777777"
        return rows

    changed(place, "attachment_file", grown)
    outcome = place.run(sink)
    assert outcome.coverage is not None
    assert outcome.coverage.kinds["attachments"].other_size == 1
    (other,) = report(sink).differences["attachments"].other_size.first
    assert other.size == 7777777
    assert other.crawled_size not in (None, 7777777)


def test_hostile_rows_are_counted_and_harm_nothing(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    strange = [
        item("9" * 40),
        item("-1; DROP TABLE run"),
        item(""),
        item("1e9"),
        item(3_000_000_009, "Nonsense\x00\x1b[31m", work_title="\x1b]0;x\x07" + "y" * 100_000, when_created="never"),
        item(2**63 - 1, when_changed="9999999-01-01", author_user_id="9" * 25),
    ]
    changed(place, "work_item", lambda rows: [*rows, *strange])
    changed_graph = [{"work_id": "3000000009", "parent_work_id": "3000000009"}, {"work_id": "x", "parent_work_id": "y"}]
    changed(place, "work_graph", lambda rows: [*rows, *changed_graph])
    outcome = place.run(sink)
    assert outcome.coverage is not None
    assert outcome.exit_code is ExitCode.DONE
    assert outcome.coverage.kinds["items"].not_comparable == 4
    assert outcome.coverage.kinds["items"].only_witness == 1
    assert outcome.coverage.kinds["tasks"].only_witness == 1
    assert len(sink.objects[max(key for key in sink.objects if key.endswith("coverage.json"))]) < 50_000


def test_a_table_without_the_column_that_tells_things_apart_is_not_compared(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    place.server.faults.add("export-torn:path=/user")
    outcome = place.run(sink)
    assert outcome.coverage is not None
    assert outcome.coverage.not_compared == ("contacts",)
    assert "contacts" not in outcome.coverage.kinds


def test_without_an_export_and_asked_for_one_nothing_is_compared_which_is_told(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    outcome = place.run(sink, with_export=False, mode=CoverageMode.EXPORT)
    assert outcome.coverage is None
    assert manifest(sink).coverage is None
    assert "no BI export to compare" in place.messages
    assert not any(key.endswith("coverage.json") for key in sink.objects)


def test_encrypted_it_is_encrypted_and_counts_stand_in_the_manifest(make_place: MakePlace, tmp_path: Path) -> None:
    place, sink, identity = make_place(hidden_spaces=2), MemorySink(), X25519Identity.generate()
    options = EncryptOptions.model_validate({"recipients": [str(identity.recipient())]})
    place.run(sink, more=(encryption(options, Context(lambda reference: reference)),))
    key = max(key for key in sink.objects if key.endswith("coverage.json.age"))
    assert b"Secret" not in sink.objects[key]
    assert decode_report(_decoded(sink.objects[key], identity, tmp_path)).counts == manifest(sink).coverage


def test_a_run_that_is_killed_after_the_tables_are_stored_still_knows_what_they_told(make_place: MakePlace) -> None:
    place = make_place(hidden_spaces=2)
    fetched = len(_fetched(place))

    class _Dies(MemorySink):
        def create(self, key: str) -> Any:
            if "records-" in key and dying:
                raise KeyboardInterrupt
            return super().create(key)

    dying, sink = [True], _Dies("first")
    with pytest.raises(KeyboardInterrupt):
        place.run(sink)
    once = len(_fetched(place)) - fetched
    dying.clear()
    outcome = place.run(sink)
    assert outcome.resumed
    assert outcome.exit_code is ExitCode.DONE
    assert len(_fetched(place)) - fetched == once, "no table is fetched again"
    assert outcome.coverage is not None
    assert outcome.coverage.hidden_spaces == 2
    assert report(sink).counts == outcome.coverage
    assert not list(place.state.rglob("spool.sqlite")), "what was told is in the clear there"


def test_a_lost_file_is_found_by_the_export_and_downloaded(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    lost = next(
        one["id"]
        for one in _records(place, "attachments")
        if one["type"] == "Wrike" and "currentAttachmentId" not in one and place.server.account.content(one["id"])
    )
    outcome = place.run(sink, source=_Losing(place.source(), lost), files=AttachmentMode.LATEST)
    assert outcome.coverage is not None
    assert outcome.coverage.kinds["attachments"].recovered == 1
    assert any(f"/attachments/{lost}-" in key for key in sink.objects)


def test_a_sink_that_fails_at_coverage_json_is_dropped_and_the_other_commits(make_place: MakePlace) -> None:
    class _Refuses(MemorySink):
        def create(self, key: str) -> Any:
            if key.endswith("coverage.json"):
                raise SinkError(f"{self.name}: no")
            return super().create(key)

    place, sink = make_place(), MemorySink("good")
    outcome = place.run(sink, _Refuses("bad"))
    assert outcome.sinks["memory:good"] is None
    assert outcome.sinks["memory:bad"] is not None
    assert report(sink).counts == outcome.coverage


def test_no_transform_takes_the_name_of_the_report(make_place: MakePlace) -> None:
    class _Takes(Transform):
        kind = "takes"

        def add(self, run: Run) -> Iterator[Artifact | Gap]:
            yield Artifact("coverage.json", lambda: iter([b"{}"]))

    with pytest.raises(PluginError, match=r"reserved name 'coverage\.json'"):
        make_place().run(MemorySink(), more=(_Takes(),))


@pytest.mark.parametrize("stored_as", ["csv", "parquet", "both"])
def test_however_tables_are_stored_they_are_heard(make_place: MakePlace, stored_as: str) -> None:
    if stored_as != "csv":
        pytest.importorskip("pyarrow", reason="the extra bi")
    place = make_place(hidden_spaces=1)
    outcome = place.run(MemorySink(), stored_as=stored_as)
    assert outcome.coverage is not None
    assert outcome.coverage.hidden_spaces == 1
    assert outcome.coverage.kinds["tasks"].only_witness == TASKS
