"""A cache of parsed manifests, so that each manifest is parsed once, no matter how many steps need it.

The scan looks for the files that a manifest names, registration recognizes duplicates by it, and validation judges it.
These steps may run in different threads and processes, and at different times.
"""

import hashlib
import threading
from collections import OrderedDict

from flows.ledger.intake.drops import Sighting
from flows.stores import Store
from schemas.judge import parse_drop_manifest
from schemas.manifest.parse import ParsedManifest, parse_manifest
from schemas.model.drop import Drop
from schemas.model.policy import FindingCaps, Policy

#: Limit on the bytes of all manifests in the cache. Most have about 1,000 bytes; parsed, ten times that.
MAX_BYTES = 8 << 20
#: Limit on the places in the inbox that the cache knows.
MAX_PLACES = 20_000

#: Where a manifest was read: the inbox's URL, the key, and the version of the object.
Place = tuple[str, str, str]
_Key = tuple[str, int, int]


class ManifestCache:
    """Parsed manifests by the sha256 of their bytes. The least recently used go first. Threads can share a cache."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._parsed: OrderedDict[_Key, ParsedManifest] = OrderedDict()
        self._places: OrderedDict[Place, _Key] = OrderedDict()
        self._lock = threading.Lock()

    def parse(self, content: bytes, policy: Policy, caps: FindingCaps, *, place: Place | None = None) -> ParsedManifest:
        """Parse a manifest's bytes. They may be cut off one byte beyond the policy's limit."""
        key = _make_key(hashlib.sha256(content).hexdigest(), policy, caps)
        parsed = self._get(key)
        if parsed is None:
            parsed = parse_manifest(content, max_bytes=policy.max_manifest_bytes, per_rule=caps.per_rule)
            self._put(key, parsed)
        if place is not None:
            self._put_place(place, key)
        return parsed

    def parse_drop(self, drop: Drop, policy: Policy, caps: FindingCaps) -> ParsedManifest | None:
        """Parse a drop's first manifest. None if the drop has no manifest."""
        if not drop.manifests:
            return None
        parsed = self._get(_make_key(drop.manifests[0].sha256, policy, caps))
        if parsed is None:
            parsed = parse_drop_manifest(drop, policy, caps)
            assert parsed is not None
            self.add(parsed, policy, caps)
        return parsed

    def find_by_place(self, place: Place) -> ParsedManifest | None:
        """The manifest that was read at a place, if the cache still has it."""
        with self._lock:
            key = self._places.get(place)
        return self._get(key) if key else None

    def add(self, parsed: ParsedManifest, policy: Policy, caps: FindingCaps) -> None:
        """Add a manifest that was parsed with these limits, maybe in another process."""
        self._put(_make_key(parsed.sha256, policy, caps), parsed)

    def _get(self, key: _Key) -> ParsedManifest | None:
        with self._lock:
            if key in self._parsed:
                self._parsed.move_to_end(key)
            return self._parsed.get(key)

    def _put(self, key: _Key, parsed: ParsedManifest) -> None:
        with self._lock:
            if key not in self._parsed:
                self._bytes += parsed.bytes
            self._parsed[key] = parsed
            while self._bytes > self._max_bytes:
                _, oldest = self._parsed.popitem(last=False)
                self._bytes -= oldest.bytes

    def _put_place(self, place: Place, key: _Key) -> None:
        with self._lock:
            self._places[place] = key
            while len(self._places) > MAX_PLACES:
                self._places.popitem(last=False)


def find_scanned_manifest(inbox: Store, sighting: Sighting) -> ParsedManifest | None:
    """The manifest that the scan parsed when it found the drop, if this process still has it."""
    wanted = sighting.pending.wanted if sighting.pending else None
    if wanted is None or not wanted.manifests:
        return None
    name, version = min(wanted.manifests.items())
    return manifest_cache.find_by_place((inbox.url, f"{sighting.business}/{sighting.name}/{name}", version))


def _make_key(sha256: str, policy: Policy, caps: FindingCaps) -> _Key:
    """What a parsed manifest depends on: its bytes, and the limits that it was parsed with."""
    return sha256, policy.max_manifest_bytes, caps.per_rule


#: The cache of this process. In `serve`, the watcher and the runs that it starts share it.
manifest_cache = ManifestCache()
