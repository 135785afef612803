"""A business: the enterprise account, one tenant, as the operator knows it."""

import re
from dataclasses import dataclass, field

CONTACT = re.compile(r"[^\s@]+@[^\s@]+|[a-z][a-z0-9+.-]*://\S+")
CONTACT_EXPECTED = "a mail address or a URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayName:
    """What a called phone shows, and the short form where space is tight."""

    display: str
    shorthand: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """One entry of businesses.yaml, merged by the ledger with what it has approved since.

    `logos` are names in the operator's gallery for this business; `approved_logos` are sha256 hex digests: approval is
    of bytes, never of a name. `regions` of None means the policy's.
    """

    id: str
    legal_name: str
    dba: str | None = None
    brands: tuple[str, ...] = ()
    business_units: tuple[str, ...] = ()
    display_names: tuple[DisplayName, ...] = ()
    logos: tuple[str, ...] = ()
    regions: tuple[str, ...] | None = None
    contacts: tuple[str, ...] = ()
    approved_logos: frozenset[str] = field(default_factory=frozenset)
