"""The dedupe index of the embedded store: which keys were ingested, and as what."""

from andon.drivers.telemetry.keyindex.entries import ENTRY, KEPT, Entries, Existing, pack
from andon.drivers.telemetry.keyindex.index import Added, KeyIndex

__all__ = ["ENTRY", "KEPT", "Added", "Entries", "Existing", "KeyIndex", "pack"]
