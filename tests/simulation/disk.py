"""A disk that may lose power: what was synced stays, the rest survives sector by sector or not.

Between two syncs the order of writes means nothing to it. A sector that was being written can be
torn, and where the disk's own sectors are of 4096 bytes, what stood beside it is torn with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

SECTOR = 512
_PAGE = 8
"""So many sectors the system's cache writes to the disk together."""

_TORN_TOGETHER = (1, _PAGE)
# How likely a sector is to have reached the disk, and to have been torn, when the power goes.
_MOODS = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.1), (0.95, 0.03), (0.05, 0.03), (1.0, 0.0), (0.98, 0.0))

Mood = tuple[float, float]
NOTHING_ELSE: Mood = (0.0, 0.0)
"""Nothing is left but what was synced."""

Images = dict[str, bytearray]
"""What a disk holds, by file name."""


class Op(NamedTuple):
    """One step on the way to the disk: `write`, `truncate`, `sync`, `spoil`, `make`, `delete`.

    A sync that failed spoils: what waited for it may or may not be there, and no later sync
    brings it, unless something is written to its page of 4096 bytes again. So does Linux.
    """

    kind: str
    name: str
    offset: int = 0
    data: bytes = b""


@dataclass(slots=True)
class _Sheet:
    visible: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    # By sector: what it held after each write since it was synced last, the oldest first.
    pending: dict[int, list[bytes]] = field(default_factory=dict)
    spoiled: dict[int, list[bytes]] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)


class Disk:
    """Files of which is known what a cut of power may leave of them."""

    def __init__(self, images: Images) -> None:
        self._sheets = {
            name: _Sheet(bytearray(image), bytearray(image)) for name, image in images.items()
        }

    def apply(self, op: Op) -> None:
        """Take one step; a deletion is durable at once."""
        if op.kind == "delete":
            self._sheets.pop(op.name, None)
            return
        sheet = self._sheets.setdefault(op.name, _Sheet())
        if op.kind == "write":
            _write(sheet, op.offset, op.data)
        elif op.kind == "truncate":
            del sheet.visible[op.offset :]
            sheet.sizes.append(op.offset)
        elif op.kind == "sync":
            _sync(sheet)
        elif op.kind == "spoil":
            _merge(sheet.spoiled, sheet.pending)
            sheet.pending = {}

    def cut(self, rng: Random, mood: Mood | None = None) -> Images:
        """Say what the disk may hold if the power goes now."""
        keep, torn = mood or rng.choice(_MOODS)
        unit = rng.choice(_TORN_TOGETHER)
        return {name: _left(sheet, rng, keep, torn, unit) for name, sheet in self._sheets.items()}


def _write(sheet: _Sheet, offset: int, data: bytes) -> None:
    end = offset + len(data)
    visible = sheet.visible
    if offset > len(visible):
        visible.extend(bytes(offset - len(visible)))
    visible[offset:end] = data
    if len(visible) != (sheet.sizes[-1] if sheet.sizes else len(sheet.durable)):
        sheet.sizes.append(len(visible))
    sectors = range(offset // SECTOR, -(-end // SECTOR))
    if sheet.spoiled:
        _try_again(sheet, sectors)
    for sector in sectors:
        content = bytes(visible[sector * SECTOR : (sector + 1) * SECTOR])
        sheet.pending.setdefault(sector, []).append(content)


def _try_again(sheet: _Sheet, sectors: range) -> None:
    first, end = sectors.start - sectors.start % _PAGE, -(-sectors.stop // _PAGE) * _PAGE
    for sector in range(first, end):
        if sector in sheet.spoiled:
            sheet.pending[sector] = sheet.spoiled.pop(sector) + sheet.pending.get(sector, [])


def _merge(into: dict[int, list[bytes]], more: dict[int, list[bytes]]) -> None:
    for sector, versions in more.items():
        into.setdefault(sector, []).extend(versions)


def _sync(sheet: _Sheet) -> None:
    if sheet.sizes:
        before, sheet.sizes = len(sheet.durable), []
        if min(before, len(sheet.visible)) < before:
            del sheet.durable[len(sheet.visible) :]
        sheet.durable.extend(bytes(len(sheet.visible) - len(sheet.durable)))
    for sector, versions in sheet.pending.items():
        _place(sheet.durable, sector, versions[-1])
    sheet.pending = {}
    end = -(-len(sheet.durable) // SECTOR)
    sheet.spoiled = {sector: kept for sector, kept in sheet.spoiled.items() if sector < end}


def _place(image: bytearray, sector: int, content: bytes) -> None:
    start = sector * SECTOR
    part = content[: max(0, len(image) - start)]
    image[start : start + len(part)] = part


def _left(sheet: _Sheet, rng: Random, keep: float, torn: float, unit: int) -> bytearray:
    image = bytearray(sheet.durable)
    size = rng.choice([len(image), *sheet.sizes[:-1]]) if sheet.sizes else len(image)
    if sheet.sizes and rng.random() < max(keep, 0.5):
        size = sheet.sizes[-1]
    if size < len(image):
        del image[size:]
    else:
        image.extend(bytes(size - len(image)))
    chance = rng.random
    for waiting in (sheet.spoiled, sheet.pending):
        for sector, versions in waiting.items():
            drawn = chance()
            if drawn < keep:
                last = len(versions) == 1 or chance() < 0.7
                _place(image, sector, versions[-1] if last else rng.choice(versions))
            elif drawn < keep + torn:
                _tear(image, sector, versions[-1], rng, unit)
    return image


def _tear(image: bytearray, sector: int, content: bytes, rng: Random, unit: int) -> None:
    if unit == 1 and rng.random() < 0.5:
        # The first bytes are new, the last ones are old.
        _place(image, sector, content[: rng.randrange(len(content))])
        return
    first = sector - sector % unit
    for broken in range(first, first + unit):
        _place(image, broken, rng.randbytes(SECTOR))
