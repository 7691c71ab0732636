"""Folders of a server that does not take the filter which brings whole ones: the tree, and each by its id."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest

from tests.wrike.crawling import LISTS, MakeSource, ids, known, read
from tests.wrike.scripted import Asked, Reply, ScriptedServer, envelope, refusal
from wrikebackup_core import Forbidden, Kind

ROOT, BIN = {"id": "ROOT", "scope": "WsRoot"}, {"id": "BIN", "scope": "RbRoot"}
REFUSALS = [
    refusal(400, "invalid_request", "Parameter 'updatedDate' is not allowed"),
    refusal(400, "invalid_parameter", "Parameter 'updatedDate' value is invalid"),
    refusal(400, "invalid_request", "Bad Request"),
]


def folders(numbers: range) -> dict[str, dict[str, Any]]:
    return {f"F{number}": {"id": f"F{number}", "scope": "WsFolder", "title": "whole"} for number in numbers}


def serve(
    server: ScriptedServer, held: dict[str, dict[str, Any]], *more: dict[str, Any], no: Reply = REFUSALS[0]
) -> None:
    """`held` can be read by id; the tree has those and `more`."""

    def listed(asked: Asked) -> Reply:
        if asked.query:
            return no
        short = [{"id": folder["id"], "scope": "WsFolder"} for folder in held.values()]
        return envelope([ROOT, *short, BIN, *more], "folderTree")

    def by_id(asked: Asked) -> Reply:
        wanted = [unquote(id_) for id_ in asked.path.rpartition("/")[2].split(",")]
        if len(wanted) > 100 or not set(wanted) <= held.keys():
            return refusal(400, "invalid_request", "invalid id")
        return envelope([held[id_] for id_ in wanted])

    server.on("/folders", listed)
    server.on("/folders/", by_id)


@pytest.mark.parametrize("no", REFUSALS)
def test_they_are_read_whole_100_at_a_time(server: ScriptedServer, make_source: MakeSource, no: Reply) -> None:
    held = folders(range(250))
    serve(server, held, {"id": "B1", "scope": "RbFolder"}, no=no)
    pages = read(make_source(), Kind.FOLDERS, LISTS, known())
    assert sorted(ids(pages)) == sorted(held)
    assert all(b'"whole"' in record for page in pages for record in page.records)
    assert not any(page.gaps for page in pages)
    assert {page.total for page in pages} == {250}
    assert len([path for path in server.paths() if path.startswith("/folders/")]) == 3


def test_a_server_that_takes_the_filter_is_asked_nothing_more(server: ScriptedServer, make_source: MakeSource) -> None:
    server.on("/folders", envelope(folders(range(3)).values()))
    assert ids(read(make_source(), Kind.FOLDERS, LISTS, known())) == ["F0", "F1", "F2"]
    assert server.paths() == ["/folders"]


def test_what_the_tree_names_and_nobody_gives_is_a_gap(server: ScriptedServer, make_source: MakeSource) -> None:
    held = folders(range(3))
    serve(server, held, {"id": "LOST", "scope": "WsFolder"}, {"id": "no id/..", "scope": "WsFolder"})
    pages = read(make_source(), Kind.FOLDERS, LISTS, known())
    assert sorted(ids(pages)) == sorted(held)
    assert sorted((gap.kind, gap.id) for page in pages for gap in page.gaps) == [
        ("folders", "LOST"),
        ("folders", "no id/.."),
    ]


def test_what_went_to_the_recycle_bin_meanwhile_is_no_part_of_the_backup_and_no_gap(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    held = folders(range(3))
    held["F1"]["scope"] = "RbFolder"
    serve(server, held)
    pages = read(make_source(), Kind.FOLDERS, LISTS, known())
    assert ids(pages) == ["F0", "F2"]
    assert [(id_, page.gaps) for page in pages for id_ in page.recycled] == [("F1", [])]


def test_a_killed_crawl_goes_on_with_those_it_lacks(server: ScriptedServer, make_source: MakeSource) -> None:
    held = folders(range(450))
    serve(server, held, {"id": "LOST", "scope": "WsFolder"})
    source, crawled, cursor = make_source(concurrency=1), known(), ""
    pages = source.pages(Kind.FOLDERS, LISTS, crawled, None)
    for _ in range(4):
        page = next(pages)
        crawled.add(Kind.FOLDERS, page.records)
        cursor = page.cursor
    source.close()
    before = len(server.asked)
    rest = read(make_source(), Kind.FOLDERS, LISTS, crawled, cursor)
    assert sorted(crawled.ids(Kind.FOLDERS)) == sorted(held)
    again = server.asked[before:]
    assert again[0].query == {}
    asked = [id_ for one in again[1:] for id_ in one.path.rpartition("/")[2].split(",")]
    assert set(asked) - {"LOST"} == set(ids(rest))
    assert len(ids(rest)) == 50


def test_a_server_that_gives_neither_is_forbidden_and_ends_no_run(
    server: ScriptedServer, make_source: MakeSource
) -> None:
    server.on("/folders", refusal(400, "invalid_request", "not with this token"))
    with pytest.raises(Forbidden, match="folders"):
        read(make_source(), Kind.FOLDERS, LISTS, known())
