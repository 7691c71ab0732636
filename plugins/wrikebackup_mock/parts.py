"""What records are built from: the parts of an account, made once from its shape."""

from __future__ import annotations

from dataclasses import dataclass

from wrikebackup_mock.belongings import Belongings
from wrikebackup_mock.catalogue import Catalogue
from wrikebackup_mock.chance import Dice
from wrikebackup_mock.ids import Ids
from wrikebackup_mock.people import People
from wrikebackup_mock.shape import Shape
from wrikebackup_mock.tree import Tree

_FIRST_ACCOUNT = 0x006A0000


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything here works on indices and small lists; nothing grows with the account."""

    shape: Shape
    dice: Dice
    ids: Ids
    tree: Tree
    belongings: Belongings
    people: People
    catalogue: Catalogue

    @classmethod
    def of(cls, shape: Shape) -> Parts:
        dice = Dice(shape.seed)
        ids = Ids(_FIRST_ACCOUNT + dice.roll("account", 0) % 0xFFFF)
        tree = Tree(ids, shape)
        belongings = Belongings(ids, shape, tree)
        people = People(ids, shape, dice)
        catalogue = Catalogue(ids, shape, [tree.folders.id(index) for index in range(shape.spaces)])
        return cls(shape, dice, ids, tree, belongings, people, catalogue)
