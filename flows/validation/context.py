"""What judging is told of a drop: the operator's lists and gallery, and what the ledger knows."""

from functools import partial
from typing import TYPE_CHECKING

from flows.ledger.programs.businesses import read_business as business_of
from flows.ledger.programs.numbers import count_removed_by_replace
from flows.ledger.programs.ownership import LedgerClaims
from flows.ledger.programs.programs import read_known_program
from flows.operator_files.do_not_originate import load_do_not_originate
from flows.operator_files.gallery import read_gallery_logo
from flows.services import Services
from schemas.model.drop import Known

if TYPE_CHECKING:
    from schemas.model.manifest import Manifest


def what_is_known(services: Services, business: str, manifest: "Manifest | None") -> Known:
    """Everything that the rules beyond the drop itself ask for. `manifest` says which program it is about."""
    reference = manifest.reference if manifest else None
    with services.ledger.read() as conn:
        registered = business_of(conn, business)
        program = read_known_program(conn, business, reference) if reference else None
    return Known(
        business=registered,
        registered=registered is not None,
        ledger=True,
        program=program,
        claims=LedgerClaims(
            ledger=services.ledger,
            business=business,
            reference=reference,
            reassign=bool(manifest and manifest.reassign),
        ),
        do_not_originate=load_do_not_originate(services.settings),
        gallery=partial(read_gallery_logo, services.inbox, business),
        removed_by_replace=(
            partial(count_removed_by_replace, services.ledger, business, reference) if program and reference else None
        ),
    )
