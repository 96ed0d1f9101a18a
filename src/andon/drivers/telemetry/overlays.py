"""What was corrected in records: prices that were found again and voids, beside the blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import zstandard
from sqlalchemy import Table, select

from andon.drivers.database import Tx
from andon.drivers.database.corrections import usage_repriced, usage_voids

Prices = Mapping[int, tuple[int | None, str | None]]
"""Cost and price by the place in the block, of the records whose price was found again."""

_WINDOW = 256
_LARGEST_BYTES = 64 << 20

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[int], list[int | None], list[str | None]]).decode


@dataclass(frozen=True, slots=True)
class Void:
    """Why, when and by whom a record was taken out of the sums."""

    seq: int
    reason: str
    voided_by: str
    voided_us: int


@dataclass(slots=True)
class Overlays:
    """Reads the corrections of a tenant's blocks, some hundred blocks at a time."""

    tx: Tx
    slot: int
    _first: int = -1
    _prices: dict[int, bytes] = field(default_factory=dict)
    _voids: dict[int, dict[int, Void]] = field(default_factory=dict)

    def prices(self, block: int) -> Prices:
        """Give what was priced again in a block."""
        self._open(block)
        body = self._prices.get(block)
        return {} if body is None else unpack_prices(body)

    def voids(self, block: int) -> Mapping[int, Void]:
        """Give what was voided in a block, by the place in it."""
        self._open(block)
        return self._voids.get(block, {})

    def lay_over(self, block: int, columns: dict[str, list[Any]]) -> None:
        """Put what a block's records cost by now into their columns."""
        prices = self.prices(block)
        if not prices:
            return
        costs, refs = columns["cost_nanousd"], columns["price_ref"]
        for place, seq in enumerate(columns["seq"]):
            if seq in prices:
                costs[place], refs[place] = prices[seq]

    def _open(self, block: int) -> None:
        first = block - block % _WINDOW
        if first == self._first:
            return
        rows = self._rows(usage_repriced, ("block", "body"), first)
        self._prices = {row.block: bytes(row.body) for row in rows}
        self._voids = {}
        wanted = ("block", "seq", "reason", "voided_by", "voided_us")
        for row in self._rows(usage_voids, wanted, first):
            void = Void(row.seq, row.reason, row.voided_by, row.voided_us)
            self._voids.setdefault(row.block, {})[row.seq] = void
        self._first = first

    def _rows(self, table: Table, names: tuple[str, ...], first: int) -> Any:
        statement = select(*(table.c[name] for name in names)).where(
            table.c.slot == self.slot,
            self.tx.of(table),
            table.c.block.between(first, first + _WINDOW - 1),
        )
        return self.tx.conn.execute(statement)


def pack_prices(prices: Prices) -> bytes:
    """Pack what was priced again in a block."""
    seqs = sorted(prices)
    costs, refs = [prices[seq][0] for seq in seqs], [prices[seq][1] for seq in seqs]
    return zstandard.ZstdCompressor(level=1).compress(_encode((seqs, costs, refs)))


def unpack_prices(body: bytes) -> dict[int, tuple[int | None, str | None]]:
    """Unpack what was priced again in a block."""
    raw = zstandard.ZstdDecompressor().decompress(body, max_output_size=_LARGEST_BYTES)
    seqs, costs, refs = _decode(raw)
    return dict(zip(seqs, zip(costs, refs, strict=True), strict=True))
