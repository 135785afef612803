"""Programs for launch tests, registered without a drop."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import numpy as np

from flows.ledger.core.engine import Ledger
from flows.ledger.intake.submissions import Registration, SubmittedLogo
from flows.ledger.programs.businesses import record_businesses
from flows.ledger.programs.register import register_submission
from schemas.model.business import Business, DisplayName
from schemas.model.judgment import Counts, Judgment
from schemas.model.manifest import Manifest, Schedule

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAME = DisplayName(display="Acme Bank", shorthand="Acme Bank")
ACME = Business(
    id="acme-bank",
    legal_name="Acme Bank, N.A.",
    business_units=("Collections",),
    display_names=(NAME,),
    contacts=("ops@acme.example",),
)
MANIFEST = Manifest(
    business="acme-bank",
    reference="q1",
    business_unit="Collections",
    program_type="INFORM",
    name="Q1 Collections",
    call_purpose="Debt Collection",
    description="Reminder calls.",
    display_name=NAME,
    schedule=Schedule(start=NOON, end=NOON + 100 * HOUR, timezone="America/Chicago"),
)
CUSTOMER_SERVICE, SURVEY = 1, 7


class AcceptedNumbers:
    """Accepted numbers, with the methods that a judgment's numbers have."""

    def __init__(self, numbers: Sequence[int], purpose: int = CUSTOMER_SERVICE):
        self._block = np.array(numbers, dtype=np.int64), np.full(len(numbers), purpose, dtype=np.uint8)

    def accepted(self):
        yield self._block

    def rejections(self):
        return iter(())

    def rejected_records(self):
        return iter(())


def open_ledger(folder, *businesses: Business) -> Ledger:
    """A new ledger with Acme Bank and these businesses."""
    ledger = Ledger.open(f"sqlite:///{folder}/ledger.db")
    with ledger.begin() as conn:
        record_businesses(conn, [ACME, *businesses], NOON - 10 * HOUR)
    return ledger


def make_manifest(reference: str = "q1", *, start: datetime = NOON, end: datetime | None = None, **changes) -> Manifest:
    schedule = Schedule(start=start, end=end or start + 100 * HOUR, timezone="America/Chicago")
    return replace(MANIFEST, reference=reference, schedule=schedule, **changes)


def make_registration(
    manifest: Manifest,
    numbers: Sequence[int] = (),
    *,
    purpose: int = CUSTOMER_SERVICE,
    logo: bytes | None = None,
    serial: int = 0,
) -> Registration:
    digest = sha256(repr((manifest, list(numbers), purpose, logo, serial)).encode()).hexdigest()
    counts = Counts(read=len(numbers), accepted=len(numbers))
    judged = Judgment(
        verdict="accepted",
        manifest=manifest,
        counts=counts,
        files=(),
        totals=(),
        findings=(),
        findings_total=0,
        numbers=AcceptedNumbers(numbers, purpose),
    )
    return Registration(
        submission=f"20270104T000000Z-{digest[:8]}",
        business=manifest.business or "",
        drop=f"{manifest.reference}-{digest[:4]}",
        digest=digest,
        received_at=NOON - HOUR,
        archive=f"{manifest.business}/{digest[:8]}",
        judgment=judged,
        logo=SubmittedLogo(name="acme.svg", sha256=sha256(logo).hexdigest()) if logo else None,
    )


def register_program(
    ledger: Ledger, manifest: Manifest, numbers: Sequence[int] = (), *, now: datetime = NOON - HOUR, **options
):
    """Register the next revision of a program."""
    with ledger.begin() as conn:
        return register_submission(conn, make_registration(manifest, numbers, **options), now)


def make_numbers(count: int, *, first: int = 5_012_140_000) -> list[int]:
    return list(range(first, first + count))
