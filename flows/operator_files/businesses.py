"""businesses.yaml: read at each pass, it seeds the ledger; unreadable, it changes nothing and the operator is told."""

import hashlib
from collections.abc import Iterable

from flows.ledger.core.control_flags import get_flag, set_flag
from flows.ledger.programs.businesses import read_business as business_of
from flows.ledger.programs.businesses import record_businesses
from flows.operator_files.gallery import read_gallery_logo
from flows.services import Services
from flows.stores import StoreError, read_object
from schemas.manifest.businesses_yaml import BusinessesError, parse_businesses
from schemas.model.business import Business

BUSINESSES_FILE = "businesses.yaml"
#: The ledger's flag with what is wrong with businesses.yaml, for the operator's page.
BUSINESSES_ERROR_FLAG = "businesses_error"


def seed_businesses(services: Services) -> str | None:
    """Take over what businesses.yaml says now; gives what is wrong with it in one line, or None."""
    try:
        businesses = _read(services)
        wrong = None
    except (BusinessesError, StoreError) as e:
        businesses, wrong = None, f"{BUSINESSES_FILE}: {str(e).rstrip('.')}. What it said before stays in force."
    with services.ledger.begin() as conn:
        if businesses is not None:
            record_businesses(conn, businesses, services.clock(), gallery=_gallery(services, businesses))
        if get_flag(conn, BUSINESSES_ERROR_FLAG) != wrong:
            set_flag(conn, BUSINESSES_ERROR_FLAG, wrong)
    return wrong


def describe_unknown_business(services: Services, business: str | None) -> str | None:
    """What to say where a business is asked for by a name that is nowhere: a slip would take nothing for ever."""
    if business is None:
        return None
    with services.ledger.read() as conn:
        if business_of(conn, business) is not None:
            return None
    there = next(services.inbox.children(f"{business}/"), None)
    return None if there else f"no business {business}: neither {BUSINESSES_FILE} nor the inbox has it"


def _read(services: Services) -> tuple[Business, ...]:
    content = read_object(services.inbox, BUSINESSES_FILE)
    if content is None:
        raise BusinessesError(f"not found in {services.inbox.url}; the operator lists the businesses there")
    return parse_businesses(content)


def _gallery(services: Services, businesses: Iterable[Business]) -> dict[str, dict[str, str]]:
    """sha256 of the gallery images that each business's entry lists: what is approved is these bytes."""
    found: dict[str, dict[str, str]] = {}
    for business in businesses:
        for name in business.logos:
            if (content := read_gallery_logo(services.inbox, business.id, name)) is not None:
                found.setdefault(business.id, {})[name] = hashlib.sha256(content).hexdigest()
    return found
