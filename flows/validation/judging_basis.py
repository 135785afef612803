"""What a rejected submission was judged by, as a fingerprint.

If the same bytes come again in the same drop, and nothing that judging asks has changed, they would be rejected again.
So they need not be judged: touching the files of a large drop every minute costs a copy, but no judgment.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from flows.ledger.core.engine import Connection, Row
from flows.ledger.core.transitions import find_last_transition
from flows.ledger.intake.submissions import find_newest_submission_id, find_rejected_submission
from flows.ledger.programs.businesses import read_business
from flows.ledger.programs.programs import read_existing_program
from flows.operator_files.area_codes import area_codes_version
from flows.operator_files.do_not_originate import do_not_originate_fingerprint
from flows.operator_files.gallery import GALLERY_FOLDER
from flows.services import Services
from flows.stores import StoreError
from schemas.model.business import Business
from schemas.rules import RULES_VERSION

#: A judgment also depends on the time: a start can be too soon, or in the past. So it counts for this long only.
UNCHANGED_FOR = timedelta(hours=1)

#: Rules about the numbers that programs have. If one was broken, any transition in the ledger may have changed that.
_ABOUT_OTHER_NUMBERS = frozenset(("NUM-022", "NUM-023", "NUM-025", "MAN-019", "PUR-005", "PUR-006"))


def fingerprint_basis(
    services: Services, conn: Connection, business: str, reference: str | None, *, submission: str, rules: Iterable[str]
) -> str:
    """A hash of what the operator and the ledger know that judging this rejected submission asks.

    `rules` are those that it breaks.
    """
    settings = services.settings
    registered = read_business(conn, business)
    facts = (
        (version("launchdrop"), version("phonenumbers"), RULES_VERSION, area_codes_version(settings)),
        (settings.policy, settings.caps, do_not_originate_fingerprint(settings)),
        _sort_logos(registered) if registered else None,
        _list_gallery(services, business),
        read_existing_program(conn, business, reference) if reference else None,
        find_newest_submission_id(conn, business, reference, apart_from=submission),
        find_last_transition(conn) if _ABOUT_OTHER_NUMBERS.intersection(rules) else None,
    )
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogatepass")).hexdigest()


def find_unchanged_rejection(
    services: Services, conn: Connection, business: str, drop: str, digest: str
) -> Row[Any] | None:
    """The last submission of this drop, if it was rejected lately, had these bytes, and would be rejected again."""
    row = find_rejected_submission(conn, business, drop, digest)
    if row is None or row.basis is None or services.clock() - row.judged_at > UNCHANGED_FOR:
        return None
    basis = fingerprint_basis(services, conn, business, row.reference, submission=row.id, rules=row.totals)
    return row if basis == row.basis else None


def _list_gallery(services: Services, business: str) -> list[tuple[str, str]]:
    """The images of a business and their versions. None if they cannot be listed, as judging sees none then either."""
    try:
        images = services.inbox.children(f"{GALLERY_FOLDER}/{business}/")
        return sorted((image.key, image.version) for image in images)
    except StoreError:
        return []


def _sort_logos(business: Business) -> tuple[Business, list[str]]:
    """A set has another order in each process."""
    return replace(business, approved_logos=frozenset()), sorted(business.approved_logos)
