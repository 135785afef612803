"""What judging is told of a drop: the operator's lists and gallery, and what the ledger knows."""

from functools import partial
from typing import TYPE_CHECKING

from flows.ledger.businesses import business as business_of
from flows.ledger.claims import claims
from flows.ledger.numbers import removed_by_replace
from flows.ledger.programs import known
from flows.lists import do_not_originate
from flows.pipeline import Pipeline
from flows.stores import Store, StoreError, read
from schemas.drop import Known

if TYPE_CHECKING:
    from schemas.manifest import Manifest

GALLERY = "_logos"
#: IMG-003 refuses an image of 200 KB; no more than this of one is ever read.
LOGO_READ = 1 << 20


def what_is_known(pipeline: Pipeline, business: str, manifest: "Manifest | None") -> Known:
    """Everything that the rules beyond the drop itself ask for. `manifest` says which program it is about."""
    reference = manifest.reference if manifest else None
    with pipeline.ledger.read() as conn:
        registered = business_of(conn, business)
        program = known(conn, business, reference) if reference else None
    return Known(
        business=registered,
        registered=registered is not None,
        ledger=True,
        program=program,
        claims=claims(pipeline.ledger, business, reference, reassign=bool(manifest and manifest.reassign)),
        do_not_originate=do_not_originate(pipeline.settings),
        gallery=partial(gallery_logo, pipeline.inbox, business),
        removed_by_replace=removed_by_replace(pipeline.ledger, business, reference) if program and reference else None,
    )


def gallery_logo(inbox: Store, business: str, name: str) -> bytes | None:
    """The bytes of a business's gallery image by its name; None: there is none."""
    try:
        return read(inbox, f"{GALLERY}/{business}/{name}", LOGO_READ)
    except StoreError:
        return None
