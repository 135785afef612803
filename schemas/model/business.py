"""A business: an enterprise account, which is one tenant."""

import re
from dataclasses import dataclass, field

#: A business's id, which is also the name of its folder in the inbox.
BUSINESS_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
CONTACT_PATTERN = re.compile(r"[^\s@]+@[^\s@]+|[a-z][a-z0-9+.-]*://\S+")
CONTACT_EXPECTED = "an email address or a URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayName:
    """The name that a called phone shows, and its shorthand for small screens."""

    display: str
    shorthand: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """One entry of businesses.yaml. The ledger adds the display names and logos that it has approved since.

    `logos` are file names in the operator's gallery for this business. `approved_logos` are sha256 hex digests: the
    bytes of a logo are approved, never its name. `regions` is None if the policy's regions apply.
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
