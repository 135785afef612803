"""Logos in the archive, by their sha256: every logo that a submission has shown. For the carrier and for review."""

from flows.stores import FileSink, Store, read_object
from schemas.model.judgment import JudgedLogo


def save_logo(archive: FileSink, business: str, logo: JudgedLogo) -> None:
    """Store a logo under its sha256. Storing it again changes nothing."""
    archive.put(_key(business, logo.sha256), logo.content)


def load_logo(archive: Store, business: str, sha256: str) -> bytes | None:
    """The bytes of a business's logo. None if no submission has shown it."""
    return read_object(archive, _key(business, sha256))


def _key(business: str, sha256: str) -> str:
    return f"{business}/.logos/{sha256}.svg"
