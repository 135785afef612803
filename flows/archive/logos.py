"""Logos by their bytes: kept in the archive once a submission shows them, for the carrier and for review."""

from flows.stores import Sink, Store, read
from schemas.model.judgment import JudgedLogo


def keep(archive: Sink, business: str, logo: JudgedLogo) -> None:
    archive.put(_key(business, logo.sha256), logo.content)


def recall(archive: Store, business: str, sha256: str) -> bytes | None:
    """The bytes of a business's logo; None: no submission showed it."""
    return read(archive, _key(business, sha256))


def _key(business: str, sha256: str) -> str:
    return f"{business}/.logos/{sha256}.svg"
