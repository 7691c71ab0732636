"""What is in spaces that the token's user cannot see: no list of the API has it, and the BI export does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wrikebackup_mock import ids

if TYPE_CHECKING:
    from wrikebackup_mock.account import MockAccount

__all__ = ["FILES", "FOLDERS", "TASKS", "TIMELOGS", "Hidden", "hidden"]

FOLDERS, TASKS, FILES, TIMELOGS = 2, 5, 3, 2
"""So many in each hidden space."""

_FIRST = 2_050_000_000  # behind all numbers of what can be seen
_STEP = 100
_WHEN = "2025-10-07 01:48:56"
_Row = tuple[object, ...]


@dataclass(slots=True)
class Hidden:
    """Rows of the export's tables of the same names, and the ids of what they are about."""

    spaces: list[int] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    items: list[_Row] = field(default_factory=list)
    graph: list[_Row] = field(default_factory=list)
    files: list[_Row] = field(default_factory=list)
    timelogs: list[_Row] = field(default_factory=list)


def hidden(account: MockAccount) -> Hidden:
    """The hidden spaces of an account, each with an owner of its own."""
    found = Hidden()
    for index in range(account.shape.hidden_spaces):
        _add(found, account, index)
    return found


def _add(found: Hidden, account: MockAccount, index: int) -> None:
    people, make = account.people, account.ids
    owner = people.ids[(2 + index) % people.living]
    parsed = make.parse(owner)
    assert parsed is not None
    who, space = parsed.number, _FIRST + index * _STEP
    found.spaces.append(space)
    found.owners.append(owner)
    found.items.append((space, f"Secret space {index + 1}", "Space", who, "", _WHEN, _WHEN))
    folders = range(space + 1, space + 1 + FOLDERS)
    tasks = range(folders.stop, folders.stop + TASKS)
    for number in folders:
        found.items.append((number, f"Secret folder {number - space}", "Folder", who, "", _WHEN, _WHEN))
        found.graph.append((number, space))
    for place, number in enumerate(tasks):
        found.items.append((number, f"Secret task {number - space}", "Task", who, "Active", _WHEN, _WHEN))
        found.graph.append((number, folders[place % FOLDERS]))
    for place in range(FILES):
        number, work = space + place, tasks[place % TASKS]
        name = f"secret {number - _FIRST}.pdf"
        found.files.append((make.classic(ids.ATTACHMENT, number), number, name, 1000 + place, work, who, _WHEN))
    for place in range(TIMELOGS):
        found.timelogs.append((space + place, tasks[place % TASKS], who, 1.5, _WHEN[:10], ""))
