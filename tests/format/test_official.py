"""The four files: the keys, the order and the values of the samples that Wrike publishes, whatever the records are like."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.format import schema
from wrikebackup_core.format.official import NUMBERS, Item, attachments_of, folders, is_stored, tasks, teams, users
from wrikebackup_core.model import Attachment, AttachmentMode, Gap, Record

LATEST, ALL, NONE = AttachmentMode.LATEST, AttachmentMode.ALL_VERSIONS, AttachmentMode.NONE
ITEM_KEYS = ["title", "author", "dateCreated", "description", "shared", "comments", "attachments", "googleDocs"]


def record(**fields: Any) -> Record:
    return Record(json.dumps(fields).encode())


def whole(pieces: Any) -> Any:
    data = b"".join(pieces)
    assert data.endswith(b"]\n")
    value = json.loads(data)
    assert data.count(b"\n") == (len(value) + 2 if value else 1)  # one record to a line
    return value


def none(gap: Gap) -> None:
    raise AssertionError(gap)


TASK = {
    "id": "MAAAAAEQ_HoO",
    "accountId": "IEAG5DAK",
    "title": 'Plän \u2028 "quoted" \\ 🚀',
    "description": "<h3>Add…</h3>",
    "sharedIds": ["KX7WCEJZ", "KUAZR5CO"],
    "createdDate": "2026-10-07T01:48:56Z",
    "scope": "WsTask",
    "authorIds": ["KUAZR5CO", "KUAZR5CP"],
}
FILE = {
    "id": "IEAAAEDYIYAB7DLK",
    "authorId": "KUAZR5CO",
    "name": "test+doc+box.webdoc",
    "createdDate": "2013-04-29T04:48:34Z",
    "version": 1,
    "type": "Box",
    "contentType": "application/octet-stream",
    "size": -1,
    "taskId": "MAAAAAEQ_HoO",
}
COMMENT = {
    "id": "IEAG5DAKIMCT7UZ3",
    "authorId": "KUAZR5CR",
    "text": "<a>&#64;Dev</a> Hello",
    "createdDate": "2026-10-07T01:49:19Z",
}
TIMELOG = {
    "id": "IEAG5DAKJQAC56AU",
    "userId": "KUAZR5CO",
    "hours": 1.5,
    "createdDate": "2026-10-09T23:32:28Z",
    "trackedDate": "2026-10-08",
    "comment": "…",
    "categoryId": "IEAG5DAKXX",
}


def test_a_task_is_what_the_published_sample_shows() -> None:
    item = Item(16902506, record(**TASK), [record(**COMMENT)], [record(**FILE)], [record(**TIMELOG)])
    assert whole(tasks([item], LATEST, none)) == [
        {
            "id": 16902506,
            "title": TASK["title"],
            "author": "KUAZR5CO",
            "dateCreated": "2026-10-07 01:48:56",
            "description": "<h3>Add…</h3>",
            "shared": ["KX7WCEJZ", "KUAZR5CO"],
            "comments": [{"body": "<a>&#64;Dev</a> Hello", "author": "KUAZR5CR", "dateCreated": "2026-10-07 01:49:19"}],
            "attachments": [
                {
                    "contentType": "application/octet-stream",
                    "version": 1,
                    "parentId": 16902506,
                    "description": "",
                    "apiId": "IEAAAEDYIYAB7DLK",
                    "attachType": "External",
                    "id": 2067818,
                    "name": "test+doc+box.webdoc",
                    "dateUploaded": "2013-04-29 04:48:34",
                }
            ],
            "googleDocs": [],
            "timeLogs": [
                {
                    "id": 3078164,
                    "user": "KUAZR5CO",
                    "hours": 1.5,
                    "trackedDate": "2026-10-08",
                    "dateCreated": "2026-10-09 23:32:28",
                    "comment": "…",
                    "category": "IEAG5DAKXX",
                }
            ],
        }
    ]


def test_keys_come_in_the_order_of_the_published_samples() -> None:
    google = record(**FILE | {"type": "Google", "url": "https://docs.google.com/document/d/1NPu/edit"})
    parts = ([record(**COMMENT)], [record(**FILE), google], [record(**TIMELOG)])
    [task] = whole(tasks([Item(1, record(**TASK), *parts)], LATEST, none))
    [folder] = whole(folders([Item(1, record(**TASK), *parts, children=[2])], LATEST, none))
    [user] = whole(users([record(id="KUAAAAAB")], "IEAAAEDY", none))
    [team] = whole(teams([record(id="KX7XIKVN")], none))
    assert list(task) == ["id", *ITEM_KEYS, "timeLogs"]
    assert list(folder) == ["id", "children", *ITEM_KEYS]
    assert list(user) == ["firstName", "lastName", "uid", "email", "userType"]
    assert list(team) == ["uid", "name", "Members"]
    assert list(task["comments"][0]) == ["body", "author", "dateCreated"]
    assert list(task["attachments"][0]) == [
        "contentType", "version", "parentId", "description", "apiId", "attachType", "id", "name", "dateUploaded",
    ]  # fmt: skip
    assert list(task["googleDocs"][0]) == ["resourceId", "id", "name", "dateUploaded"]
    assert list(task["timeLogs"][0]) == ["id", "user", "hours", "trackedDate", "dateCreated", "comment", "category"]


def test_a_folder_has_the_numbers_of_its_children_and_the_author_of_its_project() -> None:
    body = TASK | {"project": {"authorId": "KUPROJEC"}, "scope": "WsFolder"}
    [folder] = whole(folders([Item(9, record(**body), children=[3, 1, 4392433502])], LATEST, none))
    assert (folder["id"], folder["children"], folder["author"]) == (9, [3, 1, 4392433502], "KUPROJEC")
    [plain] = whole(folders([Item(9, record(**TASK))], LATEST, none))
    assert plain["author"] == ""


@pytest.mark.parametrize("scope", ["RbTask", "RbFolder", "RbRoot"])
def test_nothing_of_the_recycle_bin_appears(scope: str) -> None:
    items = [Item(1, record(**TASK | {"scope": scope})), Item(2, record(**TASK))]
    assert [task["id"] for task in whole(tasks(items, ALL, none))] == [2]
    assert whole(folders(items[:1], ALL, none)) == []


def test_fields_that_a_record_lacks_or_has_as_null_are_empty() -> None:
    bare: dict[str, Any] = {"id": "MAAAAAEQ_HoO"}
    nulls = dict.fromkeys(TASK | {"project": 1}) | bare
    for body in (bare, nulls):
        [task] = whole(tasks([Item(1, record(**body))], LATEST, none))
        assert task == {"id": 1, "title": "", "author": "", "dateCreated": "", "description": "", "shared": []} | {
            key: [] for key in ("comments", "attachments", "googleDocs", "timeLogs")
        }
        [folder] = whole(folders([Item(1, record(**body))], LATEST, none))
        assert (folder["author"], folder["children"]) == ("", [])
    for fields in ({}, dict.fromkeys(COMMENT)):
        [task] = whole(tasks([Item(1, record(**bare), [record(**fields)])], LATEST, none))
        assert task["comments"] == [{"body": "", "author": "", "dateCreated": ""}]
    for fields in ({"id": TIMELOG["id"]}, dict.fromkeys(TIMELOG) | {"id": TIMELOG["id"]}):
        [task] = whole(tasks([Item(1, record(**bare), timelogs=[record(**fields)])], LATEST, none))
        assert task["timeLogs"][0]["hours"] == 0
        assert task["timeLogs"][0]["category"] == ""
    for fields in ({"id": FILE["id"]}, dict.fromkeys(FILE) | {"id": FILE["id"], "contentType": "x/y"}):
        [task] = whole(tasks([Item(1, record(**bare), attachments=[record(**fields)])], LATEST, none))
        [entry] = task["attachments"]
        assert (entry["attachType"], entry["version"], entry["name"], entry["dateUploaded"]) == ("Task", 1, "", "")
        assert "/" in entry["contentType"]


def test_comments_come_oldest_first() -> None:
    dates = ["2026-10-07T01:49:19Z", "2013-09-02T12:29:24Z", "2026-10-07T01:49:18Z"]
    comments = [record(**COMMENT | {"createdDate": date, "text": date}) for date in dates]
    [task] = whole(tasks([Item(1, record(**TASK), comments)], LATEST, none))
    assert [comment["body"] for comment in task["comments"]] == sorted(dates)


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        ("2013-09-02T12:29:24Z", "2013-09-02 12:29:24"),
        ("2013-09-02T12:29:24.123Z", "2013-09-02 12:29:24"),
        ("2013-09-02T14:29:24+02:00", "2013-09-02 12:29:24"),
        ("2013-09-02T12:29:24", "2013-09-02 12:29:24"),
        ("", ""),
    ],
)
def test_dates_are_written_in_utc_as_in_the_samples(given_: str, written: str) -> None:
    [task] = whole(tasks([Item(1, record(**TASK | {"createdDate": given_}))], LATEST, none))
    assert task["dateCreated"] == written


def test_old_versions_are_listed_only_where_all_versions_are_wanted() -> None:
    old = record(**FILE | {"id": "IEAAAEDYIYAB7DLA", "currentAttachmentId": FILE["id"], "type": "Wrike", "version": 1})
    new = record(**FILE | {"currentAttachmentId": FILE["id"], "type": "Wrike", "version": 2, "size": 7})
    for mode, versions in ((LATEST, [2]), (NONE, [2]), (ALL, [1, 2])):
        [task] = whole(tasks([Item(1, record(**TASK), attachments=[old, new])], mode, none))
        assert [entry["version"] for entry in task["attachments"]] == versions
        wanted = [] if mode is NONE else versions
        assert [attachment.version for attachment in attachments_of([old, new], mode)] == wanted


def test_only_what_wrike_stores_is_a_file_of_the_backup() -> None:
    kinds = [
        "Wrike",
        "Google",
        "Box",
        "DropBox",
        "OneDrive",
        "SharePoint",
        "External",
        "DAM",
        "Whiteboard",
    ]
    records = [record(**FILE | {"type": kind, "size": 5, "name": str(kind)}) for kind in kinds]
    [task] = whole(tasks([Item(1, record(**TASK), attachments=records)], ALL, none))
    assert [entry["name"] for entry in task["attachments"] if entry["attachType"] == "Task"] == ["Wrike"]
    assert [entry["name"] for entry in task["googleDocs"]] == ["Google"]
    assert {entry["attachType"] for entry in task["attachments"] if entry["name"] != "Wrike"} == {"External"}
    assert list(attachments_of(records, ALL)) == [Attachment("IEAAAEDYIYAB7DLK", "Wrike", 5, 1)]
    assert [is_stored(one) for one in records] == [kind == "Wrike" for kind in kinds]


@pytest.mark.parametrize("size", [-1, None])
def test_a_size_that_the_record_does_not_say_is_not_known(size: int | None) -> None:
    assert [one.size for one in attachments_of([record(**FILE | {"type": "Wrike", "size": size})], LATEST)] == [None]


@pytest.mark.parametrize(
    ("url", "id_"),
    [
        ("https://docs.google.com/document/d/1NPu0BlX9-_x/edit?usp=sharing", "1NPu0BlX9-_x"),
        ("https://docs.google.com/a/acme.com/spreadsheets/d/1NPu/edit#gid=0", "1NPu"),
        ("https://docs.google.com/document/u/0/d/1NPu/", "1NPu"),
        ("https://docs.google.com/document/d/e/2PACX-1v/pub", "2PACX-1v"),
        ("https://drive.google.com/file/d/1NPu/view", "1NPu"),
        ("https://drive.google.com/open?id=1NPu&authuser=0", "1NPu"),
        ("https://drive.google.com/uc?export=download&id=1NPu", "1NPu"),
        ("https://drive.google.com/drive/u/1/folders/1NPu", "1NPu"),
        ("https://spreadsheets.google.com/ccc?key=0Aq", "0Aq"),
        ("https://docs.google.com/document/d/", None),
        ("https://docs.google.com/document/d/e/", None),
        ("https://docs.google.com/", None),
        ("https://evil.example/document/d/1NPu/edit", None),
        ("https://google.com.evil.example/document/d/1NPu", None),
        ("https://[broken/d/1NPu", None),
        ("not a url", None),
        ("", None),
        (None, None),
    ],
)
def test_a_google_file_has_the_id_that_its_url_names(url: str | None, id_: str | None) -> None:
    google = record(**FILE | {"type": "Google", "url": url})
    [task] = whole(tasks([Item(1, record(**TASK), attachments=[google])], LATEST, none))
    assert task["googleDocs"] == [
        {"resourceId": id_, "id": 2067818, "name": FILE["name"], "dateUploaded": "2013-04-29 04:48:34"}
    ]
    assert task["attachments"] == []


def test_what_has_no_number_is_listed_with_null_and_told_as_a_gap() -> None:
    gaps: list[Gap] = []
    odd = record(**TASK | {"id": "odd"})
    [task] = whole(
        tasks(
            [Item(None, odd, [], [record(**FILE | {"id": "x"})], [record(**TIMELOG | {"id": "y"})])],
            LATEST,
            gaps.append,
        )
    )
    assert (task["id"], task["attachments"][0]["id"], task["attachments"][0]["parentId"]) == (None, None, None)
    assert task["timeLogs"][0]["id"] is None
    assert [(gap.kind, gap.id) for gap in gaps] == [(NUMBERS, "odd"), (NUMBERS, "x"), (NUMBERS, "y")]
    assert all(gap.id is not None and gap.id in gap.reason for gap in gaps)


def test_an_item_without_a_number_of_its_own_has_the_one_in_its_id() -> None:
    assert whole(tasks([Item(None, record(**TASK))], LATEST, none))[0]["id"] == 4579949070


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("tasks", {"title": 7}),
        ("tasks", {"description": ["x"]}),
        ("tasks", {"sharedIds": "KU"}),
        ("tasks", {"sharedIds": [7]}),
        ("tasks", {"authorIds": {"a": 1}}),
        ("tasks", {"createdDate": 1234}),
        ("tasks", {"createdDate": "yesterday"}),
        ("comments", {"text": False}),
        ("comments", {"createdDate": "x"}),
        ("attachments", {"name": 3.5}),
        ("attachments", {"createdDate": {}}),
        ("timelogs", {"hours": "1.5"}),
        ("timelogs", {"trackedDate": 20261008}),
    ],
)
def test_a_wrong_type_is_a_gap_that_names_the_kind_and_the_id_and_all_else_is_there(
    kind: str, fields: dict[str, Any]
) -> None:
    base = {"tasks": TASK, "comments": COMMENT, "attachments": FILE, "timelogs": TIMELOG}[kind]
    wrong = [record(**base | fields)]
    item = {
        "tasks": Item(1, wrong[0]),
        "comments": Item(1, record(**TASK), comments=wrong),
        "attachments": Item(1, record(**TASK), attachments=wrong),
        "timelogs": Item(1, record(**TASK), timelogs=wrong),
    }[kind]
    gaps: list[Gap] = []
    found = whole(tasks([item, Item(2, record(**TASK))], LATEST, gaps.append))
    assert [task["id"] for task in found] == ([2] if kind == "tasks" else [1, 2])
    assert [(gap.kind, gap.id) for gap in gaps] == [(kind, base["id"])]
    assert gaps[0].reason.startswith(f"{kind} {base['id']}: ")


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"[]", b"7", b'{"id":"A"', b'{"id":"A","title":"x"} {}', b'{"id":"A","title":NaN}']
)
def test_what_is_no_json_object_is_a_gap_that_names_the_kind(broken: bytes) -> None:
    gaps: list[Gap] = []
    assert whole(tasks([Item(1, Record(broken))], LATEST, gaps.append)) == []
    assert [gap.kind for gap in gaps] == ["tasks"]


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"type": "Wrike", "size": "5"}, True),
        ({"type": "Wrike", "size": 5.0}, True),
        ({"type": "Wrike"}, True),
        ({"size": 5}, True),
        ({"size": 0}, True),
        ({}, True),
        ({"size": -1}, False),
        ({"type": "Fax", "size": 5}, True),
        ({"type": "Fax", "size": -1}, False),
        ({"type": "Fax"}, False),
        ({"type": "Dropbox", "size": 5}, False),
        ({"type": "Box", "size": "-1"}, False),
    ],
)
def test_a_file_is_stored_by_its_type_or_else_by_its_size(fields: dict[str, Any], stored: bool) -> None:
    """What may be stored is fetched: a file that cannot be had is a gap, and one that nobody asked for is lost in silence."""
    file = record(id="IEAAAEDYIYAB7DLK", name="a.txt", createdDate="2026-01-01T00:00:00Z", taskId="T", **fields)
    assert [one.size for one in attachments_of([file], LATEST)] == (
        [5 if fields.get("size") in ("5", 5) else fields.get("size")] if stored else []
    )
    [task] = whole(tasks([Item(1, record(**TASK), attachments=[file])], LATEST, none))
    assert [one["attachType"] for one in task["attachments"]] == ["Task" if stored else "External"]


def test_lone_surrogates_and_bytes_that_are_no_text_do_not_make_the_files_unreadable() -> None:
    surrogate = Record(b'{"id":"MAAAAAEQ_HoO","title":"a\\ud800b","description":"\\ud83d\\ude80"}')
    no_text = Record(b'{"id":"MAAAAAEQ_HoO","title":"caf\xe9"}')
    first, second = whole(tasks([Item(1, surrogate), Item(2, no_text)], LATEST, none))
    assert (first["title"], first["description"]) == ("a\ufffdb", "🚀")
    assert second["title"] == "caf\ufffd"


def test_white_space_in_a_record_does_not_break_the_lines() -> None:
    body = json.dumps(TASK | {"customFields": [{"id": "x"}]}, indent=2).replace("\n", "\r\n").encode()
    [task] = whole(tasks([Item(1, Record(body))], LATEST, none))
    assert task["shared"] == TASK["sharedIds"]


def test_everybody_is_a_user_but_groups_and_the_invited_are_type_2() -> None:
    account = "IEAAAEDY"
    profiles = [
        {"accountId": "IEOTHERS", "email": "other@x", "role": "Collaborator"},
        {"accountId": account, "email": "me@x", "role": "User"},
    ]
    contacts = [
        record(id="KUAAAAAB", firstName="Ada", lastName="L", type="Person", profiles=profiles),
        record(id="KUAAAAAC", firstName="Bob", lastName="", type="Person", deleted=True, profiles=[{"accountId": account, "role": "Collaborator"}], primaryEmail="bob@x"),
        record(id="KX7XIKVN", firstName="Group", type="Group", memberIds=["KUAAAAAB"]),
        record(id="KUAAAAAD", type="Robot", profiles=None),
    ]  # fmt: skip
    assert whole(users(contacts, account, none)) == [
        {"firstName": "Ada", "lastName": "L", "uid": "KUAAAAAB", "email": "me@x", "userType": 1},
        {"firstName": "Bob", "lastName": "", "uid": "KUAAAAAC", "email": "bob@x", "userType": 2},
        {"firstName": "", "lastName": "", "uid": "KUAAAAAD", "email": "", "userType": 1},
    ]


def test_teams_come_from_groups_or_from_the_contacts_that_are_groups() -> None:
    groups = [
        record(id="KX7XIKVN", title="Group name", memberIds=["KUAAAAAB", "KUAAAAAC"]),
        record(id="KX7XIKVM", title=None),
    ]
    assert whole(teams(groups, none)) == [
        {"uid": "KX7XIKVN", "name": "Group name", "Members": ["KUAAAAAB", "KUAAAAAC"]},
        {"uid": "KX7XIKVM", "name": "", "Members": []},
    ]
    contacts = [
        record(id="KUAAAAAB", firstName="Ada", type="Person"),
        record(id="KX7XIKVN", firstName="G", type="Group", memberIds=["KUAAAAAB"]),
    ]
    assert whole(teams(contacts, none)) == [{"uid": "KX7XIKVN", "name": "G", "Members": ["KUAAAAAB"]}]


@pytest.mark.parametrize(("make", "fields", "kind"), [
    (lambda r, gap: users(r, "IEAAAEDY", gap), {"id": "KUAAAAAB", "firstName": 1}, "contacts"),
    (lambda r, gap: users(r, "IEAAAEDY", gap), {"id": "KUAAAAAB", "profiles": {}}, "contacts"),
    (teams, {"id": "KX7XIKVN", "memberIds": [1]}, "groups"),
    (teams, {"id": "KX7XIKVN", "title": []}, "groups"),
])  # fmt: skip
def test_wrong_types_in_people_and_groups_are_gaps_too(make: Any, fields: dict[str, Any], kind: str) -> None:
    gaps: list[Gap] = []
    assert whole(make([record(**fields)], gaps.append)) == []
    assert [(gap.kind, gap.id) for gap in gaps] == [(kind, fields["id"])]


def test_an_empty_account_has_four_empty_arrays() -> None:
    for pieces in (users([], "IEAAAEDY", none), teams([], none), folders([], LATEST, none), tasks([], LATEST, none)):
        assert whole(pieces) == []


def test_pieces_are_large_and_nothing_is_lost_between_them() -> None:
    body = record(**TASK | {"description": "lorem ipsum " * 100})
    pieces = list(tasks((Item(number, body) for number in range(2000)), LATEST, none))
    assert [task["id"] for task in whole(pieces)] == list(range(2000))
    assert min(map(len, pieces[:-2])) >= 256 * 1024
    assert max(map(len, pieces)) < 1024 * 1024


def test_records_are_taken_as_they_are_wanted() -> None:
    """Not all before the first piece: memory stays constant."""
    taken = 0

    def items() -> Any:
        nonlocal taken
        for number in range(5000):
            taken += 1
            yield Item(number, record(**TASK | {"description": "x" * 1000}))

    next(iter(tasks(items(), LATEST, none)))
    assert 0 < taken < 1000


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
MAYBE = st.one_of(st.none(), TEXT)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": TEXT},
            optional={
                "title": MAYBE,
                "description": MAYBE,
                "sharedIds": st.lists(TEXT, max_size=2),
                "authorIds": st.lists(TEXT, max_size=2),
                "scope": st.sampled_from(["WsTask", "RbTask"]),
            },
        ),
        max_size=4,
    ),
    st.lists(st.fixed_dictionaries({"id": TEXT}, optional={"name": MAYBE, "type": st.sampled_from(["Wrike", "Google"]), "url": MAYBE}), max_size=3),
    st.lists(st.fixed_dictionaries({}, optional={"text": MAYBE, "authorId": MAYBE}), max_size=3),
)  # fmt: skip
def test_whatever_the_texts_are_the_files_fit_the_schema(
    bodies: list[dict[str, Any]], files: list[dict[str, Any]], comments: list[dict[str, Any]]
) -> None:
    items = [
        Item(None, record(**body), [record(**comment) for comment in comments], [record(**file) for file in files])
        for body in bodies
    ]
    rows = msgspec.json.decode(b"".join(tasks(items, LATEST, lambda _: None)), type=list[schema.Task])
    live = [body for body in bodies if body.get("scope") != "RbTask"]
    assert [row.title for row in rows] == [body.get("title") or "" for body in live]
    assert all(len(row.comments) == len(comments) for row in rows)
