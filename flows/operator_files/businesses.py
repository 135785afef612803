"""businesses.yaml: read at each pass, it seeds the ledger; unreadable, it changes nothing and the operator is told."""

import hashlib
from collections.abc import Iterable

from flows.ledger.core.control_flags import get_flag, set_flag
from flows.ledger.programs.businesses import business as business_of
from flows.ledger.programs.businesses import seed
from flows.operator_files.gallery import gallery_logo
from flows.services import Services
from flows.stores import StoreError, read
from schemas.manifest.businesses_yaml import BusinessesError, read_businesses
from schemas.model.business import Business

NAME = "businesses.yaml"
#: The ledger's flag with what is wrong with businesses.yaml, for the operator's page.
ERROR = "businesses_error"


def seed_businesses(services: Services) -> str | None:
    """Take over what businesses.yaml says now; gives what is wrong with it in one line, or None."""
    try:
        businesses = _read(services)
        wrong = None
    except (BusinessesError, StoreError) as e:
        businesses, wrong = None, f"{NAME}: {str(e).rstrip('.')}. What it said before stays in force."
    with services.ledger.begin() as conn:
        if businesses is not None:
            seed(conn, businesses, services.clock(), gallery=_gallery(services, businesses))
        if get_flag(conn, ERROR) != wrong:
            set_flag(conn, ERROR, wrong)
    return wrong


def unknown(services: Services, business: str | None) -> str | None:
    """What to say where a business is asked for by a name that is nowhere: a slip would take nothing for ever."""
    if business is None:
        return None
    with services.ledger.read() as conn:
        if business_of(conn, business) is not None:
            return None
    there = next(services.inbox.children(f"{business}/"), None)
    return None if there else f"no business {business}: neither {NAME} nor the inbox has it"


def _read(services: Services) -> tuple[Business, ...]:
    content = read(services.inbox, NAME)
    if content is None:
        raise BusinessesError(f"not found in {services.inbox.url}; the operator lists the businesses there")
    return read_businesses(content)


def _gallery(services: Services, businesses: Iterable[Business]) -> dict[str, dict[str, str]]:
    """sha256 of the gallery images that each business's entry lists: what is approved is these bytes."""
    found: dict[str, dict[str, str]] = {}
    for business in businesses:
        for name in business.logos:
            if (content := gallery_logo(services.inbox, business.id, name)) is not None:
                found.setdefault(business.id, {})[name] = hashlib.sha256(content).hexdigest()
    return found
