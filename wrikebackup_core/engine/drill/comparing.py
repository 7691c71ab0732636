"""Restored pages against the records, and these against the four files: read anew from what was restored, by their ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from wrikebackup_core.engine.contents import UNREADABLE, MemberFindings, by_element
from wrikebackup_core.engine.drill.chosen import Node
from wrikebackup_core.engine.elements import LONGEST
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.restore.facts import ArchiveItem
from wrikebackup_core.engine.restore.markdown import from_html, line
from wrikebackup_core.engine.zips import open_zip
from wrikebackup_core.errors import FormatError
from wrikebackup_core.format.records import RecordDecoder
from wrikebackup_core.model import Kind, Record

__all__ = ["compare_archive", "compare_pages"]

_ID = re.compile(r"^- Id: (.*)$", re.MULTILINE)
_LONGEST_TEXT = 1 << 20  # characters that a page shows as Markdown
_UNKNOWN = "\ufffd"


class _Said(msgspec.Struct, gc=False):
    id: str
    title: Any = None
    description: Any = None
    text: Any = None
    taskId: Any = None  # noqa: N815 - Wrike's names
    folderId: Any = None  # noqa: N815


def compare_pages(tree: Path, records: Path | None, nodes: Sequence[Node], key: str) -> Iterator[Finding]:
    """Whether each of the nodes has its page, and this says what its records do: title, description, comments. `key` is what findings are
    about. `records` is the restored zip, None for a backup without one."""
    pages = {found[1]: text for text in _texts(tree) if (found := _ID.search(text))}
    lacking = [node for node in nodes if _page_id(node, records) not in pages]
    for node in lacking:
        yield Finding(key, "damaged", f"no page came of {_named(node)}")
    if records is None:
        return
    wanted = {node.ref: pages[page_id] for node in nodes if (page_id := _page_id(node, records)) in pages}
    for kind in (Kind.FOLDERS, Kind.TASKS, Kind.COMMENTS):
        for ref, said in _lines(records, kind):
            page = wanted.get(ref)
            if page is not None and (why := _unlike(page, said)):
                yield Finding(key, "damaged", f"the page of {ref} lacks the {why} that {kind}.jsonl has")


def compare_archive(archive: Path, records: Path | None, nodes: Sequence[Node], key: str) -> Iterator[Finding]:
    """Whether the four files say of the nodes what their records do. What they lack is told by verify."""
    if records is None:
        return
    refs = {node.ref: node for node in nodes if node.number is not None}
    for kind, member in ((Kind.FOLDERS, "folders.json"), (Kind.TASKS, "tasks.json")):
        said = {refs[ref].number: one for ref, one in _lines(records, kind) if ref in refs}
        for item in _items(archive, member):
            one = said.get(item.id)
            for name, here, there in () if one is None else _pairs(item, one):
                if here != there and _UNKNOWN not in here + there:
                    yield Finding(key, "damaged", f"{member}: {item.id} has another {name} than {kind}.jsonl")


def _pairs(item: ArchiveItem, said: _Said) -> Iterator[tuple[str, str, str]]:
    yield "title", _text(item.title), _text(said.title)
    yield "description", _text(item.description), _text(said.description)


def _page_id(node: Node, records: Path | None) -> str:
    return line(node.ref if records is not None else "" if node.number is None else str(node.number))


def _named(node: Node) -> str:
    return f"the {'task' if node.task else 'folder'} {node.ref}"


def _texts(tree: Path) -> Iterator[str]:
    for path in tree.rglob("*.md"):
        if path.name in ("task.md", "folder.md"):
            yield path.read_text(encoding="utf-8", errors="replace")


def _unlike(page: str, said: _Said) -> str | None:
    if said.text is not None:
        return None if _shown(said.text) in page else "comment"
    if page.partition("\n")[0] != f"# {line(_text(said.title)) or '(without a title)'}":
        return "title"
    return None if _shown(said.description) in page else "description"


def _shown(text: object) -> str:
    return from_html(_text(text)[:_LONGEST_TEXT])


def _text(text: object) -> str:
    return text.encode(errors="replace").decode() if isinstance(text, str) else ""


def _lines(records: Path, kind: Kind) -> Iterator[tuple[str, _Said]]:
    """By the id of the task or folder that is spoken of. What cannot be made out is told by others."""
    decode, name = RecordDecoder(kind, _Said), f"{kind}.jsonl"
    try:
        with records.open("rb") as file, open_zip(file) as opened:
            if name not in opened.namelist():
                return
            with opened.open(name) as member:
                while found := member.readline(LONGEST):
                    try:
                        said = decode(Record(found))
                    except FormatError:
                        continue
                    about = said.id if kind is not Kind.COMMENTS else said.taskId or said.folderId
                    if isinstance(about, str):
                        yield about, said
    except UNREADABLE:
        return


def _items(archive: Path, member: str) -> Iterator[ArchiveItem]:
    try:
        with archive.open("rb") as file, open_zip(file) as opened:
            if member in opened.namelist():
                with opened.open(member) as stream:
                    yield from by_element(stream, ArchiveItem, MemberFindings("", member))
    except UNREADABLE:
        return
