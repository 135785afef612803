"""Parsed manifests, so that each is parsed once, however many steps need what it says.

The scan looks for the files that a manifest names, registration recognizes a repeated drop by it, and validation judges
it. These steps may run in different threads and processes, and at different times.
"""

import hashlib
import threading
from collections import OrderedDict

from schemas.judge import parse_manifest_of
from schemas.manifest.parse import ParsedManifest, parse_manifest
from schemas.model.drop import Drop
from schemas.model.policy import Caps, Policy

#: Bytes of the manifests whose parsed values are kept, the last used. Most have about 1,000; parsed, ten times that.
KEPT_BYTES = 8 << 20
#: Places in the inbox that are kept, the last seen.
KEPT_PLACES = 20_000

#: Where a manifest was read: the inbox's URL, the key, and the version of the object.
Place = tuple[str, str, str]
_Key = tuple[str, int, int]


class ParsedManifests:
    """Parsed manifests by the sha256 of their bytes. Threads may share one."""

    def __init__(self, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._parsed: OrderedDict[_Key, ParsedManifest] = OrderedDict()
        self._places: OrderedDict[Place, _Key] = OrderedDict()
        self._lock = threading.Lock()

    def parse(self, content: bytes, policy: Policy, caps: Caps, *, place: Place | None = None) -> ParsedManifest:
        """The parsed value of these bytes, which may be read up to one byte beyond the policy's limit."""
        key = _key(hashlib.sha256(content).hexdigest(), policy, caps)
        parsed = self._find(key)
        if parsed is None:
            parsed = parse_manifest(content, max_bytes=policy.max_manifest_bytes, per_rule=caps.per_rule)
            self._keep(key, parsed)
        if place is not None:
            self._keep_place(place, key)
        return parsed

    def parse_drop(self, drop: Drop, policy: Policy, caps: Caps) -> ParsedManifest | None:
        """The parsed value of a drop's first manifest; None where the drop has none."""
        if not drop.manifests:
            return None
        parsed = self._find(_key(drop.manifests[0].sha256, policy, caps))
        if parsed is None:
            parsed = parse_manifest_of(drop, policy, caps)
            assert parsed is not None
            self.add(parsed, policy, caps)
        return parsed

    def at(self, place: Place) -> ParsedManifest | None:
        """What was parsed at a place, while it is kept."""
        with self._lock:
            key = self._places.get(place)
        return self._find(key) if key else None

    def add(self, parsed: ParsedManifest, policy: Policy, caps: Caps) -> None:
        """Keep what another process parsed."""
        self._keep(_key(parsed.sha256, policy, caps), parsed)

    def _find(self, key: _Key) -> ParsedManifest | None:
        with self._lock:
            if key in self._parsed:
                self._parsed.move_to_end(key)
            return self._parsed.get(key)

    def _keep(self, key: _Key, parsed: ParsedManifest) -> None:
        with self._lock:
            if key not in self._parsed:
                self._bytes += parsed.bytes
            self._parsed[key] = parsed
            while self._bytes > self._kept_bytes:
                _, oldest = self._parsed.popitem(last=False)
                self._bytes -= oldest.bytes

    def _keep_place(self, place: Place, key: _Key) -> None:
        with self._lock:
            self._places[place] = key
            while len(self._places) > KEPT_PLACES:
                self._places.popitem(last=False)


def _key(sha256: str, policy: Policy, caps: Caps) -> _Key:
    """What a parsed value depends on: the bytes, and the limits that they are parsed with."""
    return sha256, policy.max_manifest_bytes, caps.per_rule


#: Those of this process: the watcher of `serve` and the runs that it starts share them.
parsed_manifests = ParsedManifests()
