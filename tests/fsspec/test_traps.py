"""What was seen to hurt a backup in libraries and stores, and which test keeps each from doing so here.

The first of each is the library or store in which it was seen, although another may be in use by now.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fsspec.asking import get, put
from tests.fsspec.proxy import Fault, Proxy, answer, passed
from wrikebackup_core import AlreadyExists
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.profile import load
from wrikebackup_core.testing import SinkContract

TESTS = Path(__file__).parents[1]

TRAPS = {
    "s3fs: a bulk delete that was refused looks as if it had worked": (
        "fsspec/s3/test_s3_faults.py::test_a_delete_that_the_store_refuses_is_an_error",
        "fsspec/gcs/test_gcs_refusals.py::test_who_may_not_delete_is_told_so_and_a_key_that_is_not_there_is_fine",
    ),
    "sshfs: a move deletes the source although nothing came of the target": (
        "fsspec/sftp/test_sftp_contract.py::test_the_way_is_the_first_that_spares_what_is_there",
        "fsspec/url/test_url_faults.py::test_what_the_store_did_not_do_is_never_committed",
    ),
    "sshfs: a range is ignored": (
        "fsspec/sftp/test_sftp_reading.py::test_reading_a_range_costs_little_more_than_the_range",
        "fsspec/url/test_url_faults.py::test_a_file_system_that_ignores_ranges_when_it_is_asked_for_bytes_is_read_right",
    ),
    "SFTP clients: any host key is accepted": (
        "fsspec/sftp/test_sftp_login.py::test_an_unknown_host_key_is_refused_and_not_remembered",
        "fsspec/sftp/test_sftp_login.py::test_without_a_file_of_known_hosts_nobody_is_trusted",
        "fsspec/sftp/test_sftp_login.py::test_a_changed_host_key_is_refused",
    ),
    "SFTP clients: a frozen server is waited for without an end": (
        "fsspec/sftp/test_sftp_connections.py::test_a_frozen_server_is_given_up",
        "fsspec/sftp/test_sftp_connections.py::test_a_server_that_freezes_while_others_read_and_list_ends_them_all",
    ),
    "paramiko: one connection in several threads hangs": (
        "fsspec/url/test_url_faults.py::test_each_thread_has_a_connection_of_its_own",
        "SinkContract::test_many_threads_may_write_list_and_read",
    ),
    "paramiko: small packets are held back, which makes reading slow": (
        "fsspec/test_traps.py::test_packets_are_not_held_back",
    ),
    "gcsfs: an object is cut at the border of a part": (
        "fsspec/gcs/test_gcs_objects.py::test_data_that_looks_like_the_border_of_a_part_is_stored_whole",
    ),
    "gcsfs: the type of the bucket is looked up where nobody answers": (
        "fsspec/gcs/test_gcs_refusals.py::test_nothing_else_is_asked_for_than_objects_and_a_token",
    ),
    "S3: a large object that is refused leaves an upload behind": (
        "fsspec/s3/test_s3_faults.py::test_a_large_object_that_is_refused_leaves_no_upload_behind",
        "fsspec/gcs/test_gcs_objects.py::test_an_upload_that_failed_is_cancelled_in_the_store",
    ),
    "rclone, Ceph: a condition is ignored in silence": (
        "fsspec/s3/test_s3_faults.py::test_a_store_that_knows_no_conditions_is_looked_at_first",
        "fsspec/gcs/test_gcs_objects.py::test_a_store_that_would_replace_what_is_sent_in_pieces_is_found_out",
        "fsspec/test_checks.py::test_a_store_that_breaks_a_promise_is_found_out",
    ),
    "S3: each store says in another way that an object is there": (
        "fsspec/test_traps.py::test_however_a_store_says_that_an_object_is_there_it_is_told_the_same",
        "SinkContract::test_a_key_that_exists_is_refused_and_kept",
    ),
    "PyYAML: values change their meaning, and the last of two keys wins": (
        "fsspec/test_traps.py::test_values_of_a_profile_are_what_stands_there",
        "profile/test_loading.py::test_a_mistake_is_told_with_line_and_key",
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_has_its_test(trap: str) -> None:
    for where in TRAPS[trap]:
        file, _, name = where.partition("::")
        if file == "SinkContract":  # which each kind of sink inherits
            assert hasattr(SinkContract, name), where
            continue
        assert re.search(rf"^ *def {name}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE), where


def test_packets_are_not_held_back(tmp_path: Path) -> None:
    """TCP_NODELAY: with Nagle's algorithm each small request would wait for the answer to the one before."""
    pytest.importorskip("asyncssh", reason="needs the extra sftp")
    from tests.fsspec.sftp.servers import AsyncServer, Files, Identity, sink_of

    for folder in ("identity", "served"):
        (tmp_path / folder).mkdir()
    identity = Identity(tmp_path / "identity")
    server = AsyncServer(tmp_path / "served", identity, Files)
    server.start()
    sink = sink_of(identity, server.port, tmp_path / "root")
    try:
        put(sink, "a/b")
        assert sink._pool.alive
        for connection in sink._pool._connections:
            transport: Any = connection._ssh.get_extra_info("socket")
            assert transport.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        sink.close()
        server.stop()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("obstore", reason="needs the extra s3")
    from tests.fsspec.s3.stores import moto

    with moto(tmp_path_factory.mktemp("moto")) as store:
        yield store


@pytest.mark.parametrize(
    "refusal",
    [answer(412, _error("PreconditionFailed")), answer(409, _error("ConditionalRequestConflict")), answer(412)],
    ids=["412", "409", "412 without a word"],
)
@pytest.mark.parametrize("data", [b"small", b"x" * 9_000_000], ids=["small", "large"])
def test_however_a_store_says_that_an_object_is_there_it_is_told_the_same(
    moto: Any, refusal: Fault, data: bytes
) -> None:
    with Proxy(moto.url) as proxy:
        sink = moto.sink(endpoint_url=proxy.url)
        put(sink, "a/b", b"first")
        writes = ("PUT",) if data == b"small" else ("POST",)
        proxy.choose = lambda asked: refusal if asked.method in writes and "uploads" not in asked.query else passed
        with pytest.raises(AlreadyExists):
            put(sink, "a/b", data)
        assert get(sink, "a/b") == b"first"
        sink.close()


@pytest.mark.parametrize("value", ["22:22", "no", "on", "y"])
def test_values_of_a_profile_are_what_stands_there(tmp_path: Path, value: str) -> None:
    """YAML 1.1 makes 1342, false, true of such."""
    profile = tmp_path / "profile.yaml"
    profile.write_text(f"source: mock\nsinks:\n  - local: {{path: {value}}}\n")
    (part,) = load(profile, Plugins.load()).sinks
    assert part.options.path == value  # type: ignore[attr-defined]
