"""What names a submission: the digest of its content, and its id."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime


class Digest:
    """A submission's digest: sha256 over each manifest in name order (its length as eight bytes, big-endian, then its
    bytes), then over each named file that is there, numbers files in the manifest's order and the logo last (the length
    of its name in UTF-8 as eight bytes, the name, the 32 bytes of its sha256).
    """

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def manifest(self, content: Iterable[bytes], length: int) -> Iterator[bytes]:
        """The same blocks, taken in as they pass."""
        self._sha256.update(length.to_bytes(8, "big"))
        for block in content:
            self._sha256.update(block)
            yield block

    def file(self, name: str, sha256: str) -> None:
        encoded = name.encode("utf-8", "surrogateescape")
        self._sha256.update(len(encoded).to_bytes(8, "big") + encoded + bytes.fromhex(sha256))

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


def submission_id(first_seen: datetime, digest: str) -> str:
    """Time of first sighting (UTC, in seconds) and the digest's first eight digits: 20271231T235959Z-1a2b3c4d."""
    return f"{first_seen.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest[:8]}"
