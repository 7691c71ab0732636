"""A run with the BI export, over HTTP: all of one export, or a gap that says why, and the rest of the backup in any case."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from tests.bi_export.conftest import TABLES, MakePlace, gaps, rows, stored
from wrikebackup_age.age.x25519 import X25519Identity
from wrikebackup_age.encryption import decryption, encryption
from wrikebackup_age.options import EncryptOptions
from wrikebackup_core import Context, Keys, SinkError
from wrikebackup_core.engine.job import Outcome
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.testing import MemoryReader, MemorySink
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.service import Plan

EVERY = {f"{name}.csv" for name in TABLES} | {"schema.json"}


def is_partial(outcome: Outcome) -> bool:
    """Committed everywhere, with a gap."""
    return outcome.exit_code is ExitCode.PARTIAL and not any(outcome.sinks.values())


def test_every_table_is_stored_as_it_came_beside_the_schema_and_its_edition(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    outcome = place.run(sink)
    assert outcome.exit_code is ExitCode.DONE
    found = stored(sink)
    assert set(found) == EVERY
    for name in TABLES:
        assert found[f"{name}.csv"] == place.truth(name)
    schema = json.loads(found["schema.json"])
    newest = place.server.exports.newest()
    assert newest is not None
    assert schema["edition"].startswith(newest.id)
    assert schema["schemaVersion"] == "V3", "the newest that this server knows"
    assert {table["id"] for table in schema["schema"]} == TABLES
    assert schema["completed"].endswith("Z")


def test_the_accounts_first_export_is_waited_for(make_place: MakePlace) -> None:
    place, sink = make_place(there=False), MemorySink()
    place.server.exports.polls = 3
    assert place.run(sink).exit_code is ExitCode.DONE
    assert set(stored(sink)) == EVERY
    assert place.server.requests.count("POST /data_export") == 0


def test_an_export_that_is_not_ready_in_time_is_a_gap_and_the_next_run_gets_it(make_place: MakePlace) -> None:
    place, sink = make_place(there=False), MemorySink()
    place.server.exports.seconds = 3600
    outcome = place.run(sink, wait="0s")
    assert is_partial(outcome)
    assert "not ready in time" in gaps(outcome)[None].reason
    assert "wait" in (gaps(outcome)[None].hint or "")
    assert stored(sink) == {}
    place.server.exports.renew()
    assert place.run(sink).exit_code is ExitCode.DONE


def test_an_export_that_wrike_could_not_make_is_asked_for_once_more_and_then_a_gap(make_place: MakePlace) -> None:
    place = make_place(there=False)
    place.server.exports.polls, place.server.exports.fails = 0, 1
    place.server.exports.start()
    assert place.server.exports.running().status == "Failed"  # type: ignore[union-attr]
    place.server.exports.fails = 1
    outcome = place.run(MemorySink())
    assert is_partial(outcome)
    assert "Failed" in gaps(outcome)[None].reason


def test_an_old_export_is_made_anew_where_the_profile_says_how_old_it_may_be(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    place.server.exports.age(25 * 3600)
    place.server.exports.polls = 2
    assert place.run(sink, max_age="24h").exit_code is ExitCode.DONE
    assert stored(sink)["audit_log.csv"] == place.truth("audit_log", 2)
    assert place.server.requests.count("POST /data_export") == 1


def test_without_max_age_the_newest_is_taken_however_old(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    place.server.exports.age(900 * 3600)
    assert place.run(sink).exit_code is ExitCode.DONE
    assert place.server.requests.count("POST /data_export") == 0


def test_within_the_hour_the_latest_is_taken_and_that_is_told(
    make_place: MakePlace, caplog: pytest.LogCaptureFixture
) -> None:
    place, sink = make_place(), MemorySink()
    place.server.exports.age(30 * 60)
    with caplog.at_level(logging.WARNING):
        assert place.run(sink, max_age="10m").exit_code is ExitCode.DONE
    assert set(stored(sink)) == EVERY
    assert place.server.requests.count("POST /data_export") == 1
    assert "once an hour" in caplog.text
    assert "30 min" in caplog.text


def test_where_no_newer_one_is_to_be_had_the_old_one_is_taken_and_that_is_told(
    make_place: MakePlace, caplog: pytest.LogCaptureFixture
) -> None:
    place, sink = make_place(), MemorySink()
    place.server.exports.age(25 * 3600)
    place.server.exports.polls, place.server.exports.fails = 0, 1
    with caplog.at_level(logging.WARNING):
        assert place.run(sink, max_age="24h").exit_code is ExitCode.DONE
    assert stored(sink)["audit_log.csv"] == place.truth("audit_log", 1)
    assert "newer than 24 h" in caplog.text


def test_a_missing_right_is_a_gap_that_names_it(make_place: MakePlace) -> None:
    place, sink = make_place(plan=Plan(forbidden=frozenset({"data_export"}))), MemorySink()
    outcome = place.run(sink)
    assert is_partial(outcome)
    gap = gaps(outcome)[None]
    assert "Export account data" in (gap.hint or "")
    assert "dataExportFull" in (gap.hint or "")
    assert stored(sink) == {}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("export-header:path=/user$", "does not fit the export's schema: user_id missing"),
        ("export-torn:path=/user$", "breaks off"),
        ("short:path=/data_export/resource,bytes=5,at=5,every=0", "breaks off"),
    ],
)
def test_a_table_that_is_not_what_it_should_be_is_a_gap_and_the_others_are_stored(
    make_place: MakePlace, fault: str, said: str
) -> None:
    place, sink = make_place(faults=[fault]), MemorySink()
    outcome = place.run(sink)
    assert is_partial(outcome)
    ((id_, gap),) = gaps(outcome).items()
    assert id_ == "bi-export/user.csv"
    assert said in gap.reason
    assert set(stored(sink)) == EVERY - {"user.csv"}


def test_a_table_that_is_shorter_than_announced_for_ever_is_a_gap(make_place: MakePlace) -> None:
    place, sink = make_place(faults=["truncate:path=/data_export/resource/1004,bytes=0"]), MemorySink()
    outcome = place.run(sink)
    assert is_partial(outcome)
    assert set(gaps(outcome)) == {"bi-export/user.csv"}
    assert set(stored(sink)) == EVERY - {"user.csv"}


def test_a_name_that_can_be_no_files_is_a_gap_and_nothing_is_stored_under_it(make_place: MakePlace) -> None:
    place, sink = make_place(faults=["export-unsafe"]), MemorySink()
    outcome = place.run(sink)
    assert is_partial(outcome)
    assert set(gaps(outcome)) == {"'../x'"}
    assert set(stored(sink)) == EVERY - {"attachment_file.csv"}
    assert not [key for key in sink.objects if "x" in key.rpartition("/")[2].split(".")[0] and ".." in key]


@pytest.mark.parametrize("fault", ["export-foreign", "export-foreign-rows:path=/attachment_file"])
def test_nothing_of_another_accounts_export_is_stored(make_place: MakePlace, fault: str) -> None:
    place, sink = make_place(faults=[fault]), MemorySink()
    outcome = place.run(sink)
    assert is_partial(outcome)
    assert "another account" in gaps(outcome)[None].reason
    assert stored(sink) == {}


def test_an_export_that_changes_while_it_is_fetched_is_fetched_anew_and_never_mixed(make_place: MakePlace) -> None:
    place, sink = make_place(faults=["export-anew:path=/work_item,times=1"]), MemorySink()
    assert place.run(sink).exit_code is ExitCode.DONE
    found = stored(sink)
    assert set(found) == EVERY
    assert found["audit_log.csv"] == place.truth("audit_log", 2)
    assert json.loads(found["schema.json"])["edition"].startswith(place.server.exports.newest().id)  # type: ignore[union-attr]
    assert "took the place" in place.messages


def test_an_export_that_never_stops_changing_is_a_gap_and_leaves_nothing(make_place: MakePlace) -> None:
    place, sink = make_place(faults=["export-anew:path=/work_item"]), MemorySink()
    outcome = place.run(sink)
    assert is_partial(outcome)
    assert "took the place" in gaps(outcome)[None].reason
    assert stored(sink) == {}
    place.server.faults.clear()
    assert place.run(sink).exit_code is ExitCode.DONE


@pytest.mark.parametrize(
    "fault",
    [
        "cut:path=/data_export/resource/1007,bytes=5000,at=1+2",
        "drop:path=/data_export/resource,every=3",
        "no-length:path=/data_export/resource",
        "cut:path=/data_export/resource/1007,bytes=5000,at=1",
        "rate-limit:path=/data_export/resource,every=4,seconds=0",
        "status:path=/data_export/resource,every=4",
    ],
)
def test_broken_connections_and_servers_in_trouble_cost_nothing(make_place: MakePlace, fault: str) -> None:
    place, sink = make_place(faults=[fault]), MemorySink()
    assert place.run(sink).exit_code is ExitCode.DONE
    found = stored(sink)
    assert all(found[f"{name}.csv"] == place.truth(name) for name in TABLES)
    assert place.server.faults.fired()


def test_a_broken_table_goes_on_where_it_was_or_is_compared_from_its_start(make_place: MakePlace) -> None:
    for more in ([], ["ignore-range:path=/data_export/resource/1007"]):
        place, sink = make_place(faults=["cut:path=/data_export/resource/1007,bytes=5000,at=1", *more]), MemorySink()
        assert place.run(sink).exit_code is ExitCode.DONE
        assert stored(sink)["work_description.csv"] == place.truth("work_description")
        assert sum(path.endswith("/1007") for path in place.fetched()) == 2


def test_a_token_that_expires_between_tables_is_renewed_or_is_a_gap(make_place: MakePlace) -> None:
    place, sink = make_place(faults=["expire-token:path=/data_export$,at=4"]), MemorySink()
    outcome = place.run(sink)
    assert is_partial(outcome)
    assert all("token" in gap.reason for gap in gaps(outcome).values())


def test_hidden_spaces_are_in_the_tables(make_place: MakePlace) -> None:
    place, sink = make_place(MockAccount(hidden_spaces=2)), MemorySink()
    assert place.run(sink).exit_code is ExitCode.DONE
    titles = [row["work_title"] for row in rows(stored(sink)["work_item.csv"])]
    assert [title for title in titles if title.startswith("Secret space")] == ["Secret space 1", "Secret space 2"]


def test_all_of_it_is_encrypted_like_everything_else(make_place: MakePlace, tmp_path) -> None:
    identity, key = X25519Identity.generate(), tmp_path / "key.txt"
    key.write_text(identity.secret())
    place, sink = make_place(), MemorySink()
    encrypt = encryption(EncryptOptions(recipients=(str(identity.recipient()),)), Context(secret=lambda _: ""))
    assert place.run(sink, more=(encrypt,)).exit_code is ExitCode.DONE
    found = stored(sink, ".age")
    assert set(found) == EVERY
    opened = decryption(Keys(files=[str(key)]))
    for name in TABLES:
        assert found[f"{name}.csv"].startswith(b"age-encryption.org/v1")
        assert opened.decode(MemoryReader(found[f"{name}.csv"])).read() == place.truth(name)


class Killed(BaseException):
    """What takes a run down without a word, as a kill does."""


def _killed_at(place, sink: MemorySink, table: str) -> None:
    def kill(operation: str, key: str) -> None:
        if operation == "create" and key.endswith(f"{table}.csv"):
            raise Killed

    sink.before = kill
    with pytest.raises(Killed):
        place.run(sink)
    sink.before = None


def test_a_run_that_was_killed_keeps_tables_of_the_same_edition_and_fetches_the_others(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    _killed_at(place, sink, "work_item")
    before = set(place.fetched())
    place.server.requests.clear()
    assert place.run(sink).exit_code is ExitCode.DONE
    after = place.fetched()
    assert after
    assert not before - {path for path in before if path.endswith("/1009")} & set(after), (
        "a stored table was fetched again"
    )
    assert set(stored(sink)) == EVERY


def test_a_run_that_was_killed_before_the_export_changed_keeps_nothing_of_the_old_one(make_place: MakePlace) -> None:
    place, sink = make_place(), MemorySink()
    _killed_at(place, sink, "work_item")
    place.server.exports.extra = {}
    place.server.exports.renew()
    assert place.run(sink).exit_code is ExitCode.DONE
    found = stored(sink)
    assert set(found) == EVERY
    assert found["audit_log.csv"] == place.truth("audit_log", 2)


def test_a_table_that_another_edition_no_longer_has_leaves_with_the_old_one(make_place: MakePlace) -> None:
    place, sink = make_place(there=False), MemorySink()
    from wrikebackup_mock.bi_export import Whole

    place.server.exports.extra = {"zebra": Whole(b"a,b\n1,2\n")}
    place.server.exports.renew()

    def kill(operation: str, key: str) -> None:
        if operation == "create" and key.endswith("/SHA256SUMS"):
            raise Killed

    sink.before = kill
    with pytest.raises(Killed):
        place.run(sink)
    sink.before = None
    assert [key for key in sink.objects if key.endswith("zebra.csv")]
    place.server.exports.extra = {}
    place.server.exports.renew()
    assert place.run(sink).exit_code is ExitCode.DONE
    assert set(stored(sink)) == EVERY
    assert not [key for key in sink.objects if key.endswith("zebra.csv")]


def test_what_is_locked_of_an_old_edition_makes_the_run_begin_another_backup(make_place: MakePlace) -> None:
    place, sink = make_place(faults=["export-anew:path=/work_item,times=1"]), MemorySink(lock_days=30)
    assert place.run(sink).exit_code is ExitCode.DONE
    assert set(stored(sink)) == EVERY
    assert "cannot be finished" in place.messages


def test_two_sinks_hold_the_same_tables_of_one_download(make_place: MakePlace) -> None:
    place, one, two = make_place(), MemorySink("one"), MemorySink("two")
    assert place.run(one, two).exit_code is ExitCode.DONE
    assert stored(one) == stored(two)
    assert len(place.fetched()) == len(TABLES)


def test_a_sink_that_fails_at_a_table_costs_the_other_nothing(make_place: MakePlace) -> None:
    place, good, bad = make_place(), MemorySink("good"), MemorySink("bad")

    def fail(operation: str, key: str) -> None:
        if operation == "write" and key.endswith("work_item.csv"):
            raise SinkError("no more")

    bad.before = fail
    assert place.run(good, bad).exit_code is ExitCode.PARTIAL
    assert set(stored(good)) == EVERY


def test_a_table_of_many_megabytes_passes_in_bounded_memory(make_place: MakePlace) -> None:
    import tracemalloc

    from wrikebackup_mock.bi_export import Repeated

    place = make_place(there=False)
    block = b'1,"two, with a ""quote"" and\na line",3\n' * 5000
    place.server.exports.extra = {"big": Repeated(b"a,b,c\n", block, 400)}
    place.server.exports.renew()

    class Null(MemorySink):
        """Forgets what it is given of large tables."""

    size = len(b"a,b,c\n") + 400 * len(block)
    peak: list[int] = []

    def watch(operation: str, key: str) -> None:
        if operation == "commit" and key.endswith("big.csv"):
            peak.append(tracemalloc.get_traced_memory()[1])

    sink = Null()
    sink.before = watch
    threading.stack_size()
    outcome = place.run(sink)
    assert outcome.exit_code is ExitCode.DONE
    assert len(stored(sink)["big.csv"]) == size
    assert any("big" in path or path.endswith("/1012") for path in place.fetched())
