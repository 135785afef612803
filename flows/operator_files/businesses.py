"""businesses.yaml: read at each pass and recorded in the ledger. An invalid one is reported and changes nothing."""

import hashlib
from collections.abc import Iterable

from flows.ledger.core.control_flags import get_flag, set_flag
from flows.ledger.core.outbox import add_to_outbox
from flows.ledger.programs.businesses import read_business, record_businesses
from flows.operator_files.gallery import read_gallery_logo
from flows.services import Services
from flows.stores import StoreError, read_object
from schemas.manifest.businesses_yaml import BUSINESSES_FILE, BusinessesError, parse_businesses
from schemas.model.business import Business

#: The ledger's flag with the error in businesses.yaml, for the operator's page.
BUSINESSES_ERROR_FLAG = "businesses_error"


def seed_businesses(services: Services) -> str | None:
    """Record the content of businesses.yaml in the ledger. Returns the error in one line if it cannot be read."""
    try:
        businesses = _read_businesses(services)
        error = None
    except (BusinessesError, StoreError) as e:
        businesses, error = None, f"{BUSINESSES_FILE}: {str(e).rstrip('.')}. The previous version stays in force."
    with services.ledger.begin() as conn:
        if businesses is not None:
            record_businesses(conn, businesses, services.clock(), gallery=_hash_gallery(services, businesses))
        if get_flag(conn, BUSINESSES_ERROR_FLAG) != error:
            set_flag(conn, BUSINESSES_ERROR_FLAG, error)
            add_to_outbox(conn, "operator", "")
    return error


def describe_unknown_business(services: Services, business: str | None) -> str | None:
    """An error message if no such business is known. Otherwise a typo in --business would simply match nothing."""
    if business is None:
        return None
    with services.ledger.read() as conn:
        if read_business(conn, business) is not None:
            return None
    has_folder = next(services.inbox.children(f"{business}/"), None) is not None
    return None if has_folder else f"unknown business {business}: it is neither in {BUSINESSES_FILE} nor in the inbox"


def _read_businesses(services: Services) -> tuple[Business, ...]:
    content = read_object(services.inbox, BUSINESSES_FILE)
    if content is None:
        raise BusinessesError(f"not found in {services.inbox.url}, where it must list the businesses")
    return parse_businesses(content)


def _hash_gallery(services: Services, businesses: Iterable[Business]) -> dict[str, dict[str, str]]:
    """{business: {logo name: sha256}} of the gallery images that businesses.yaml lists. Their bytes are approved."""
    hashes: dict[str, dict[str, str]] = {}
    for business in businesses:
        for name in business.logos:
            if (content := read_gallery_logo(services.inbox, business.id, name)) is not None:
                hashes.setdefault(business.id, {})[name] = hashlib.sha256(content).hexdigest()
    return hashes
