"""The identifiers of a submission: the digest of its content, and its id."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime


class SubmissionDigest:
    """Computes a submission's digest: the sha256 of its manifests, then of the listed files that are in the drop.

    - Each manifest, in name order: its length as eight bytes (big-endian), then its bytes.
    - Each file, numbers files in the manifest's order and the logo last: the length of its UTF-8 name as eight bytes,
      the name as the manifest writes it (without `./`), and the 32 bytes of its sha256.
    """

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def add_manifest(self, content: Iterable[bytes], length: int) -> Iterator[bytes]:
        """Hash the blocks as they pass through. The length in bytes must be known beforehand."""
        self._sha256.update(length.to_bytes(8, "big"))
        for block in content:
            self._sha256.update(block)
            yield block

    def add_file(self, name: str, sha256: str) -> None:
        """Hash a file by its name and its sha256 (hex)."""
        encoded = name.encode("utf-8", "surrogateescape")
        self._sha256.update(len(encoded).to_bytes(8, "big") + encoded + bytes.fromhex(sha256))

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


def make_submission_id(first_seen: datetime, digest: str) -> str:
    """The time of first sighting (UTC, to the second) and the first eight digits of the digest.

    For example 20271231T235959Z-1a2b3c4d.
    """
    return f"{first_seen.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest[:8]}"
