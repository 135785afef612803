"""One job at the carrier: a launch, an end or a branding. The ledger records each step before and after it.

A job that was interrupted continues where it stopped. A call whose answer was lost is sent again under its idempotency
key; if the carrier does not honor keys, it is asked first what it has.
"""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from flows.carriers import (
    Branding,
    Carrier,
    CarrierDown,
    CarrierGone,
    CarrierLogo,
    CarrierNumber,
    CarrierProgram,
    CarrierRefused,
)
from flows.leasing import heartbeat
from flows.ledger.core.control_flags import increment_counter
from flows.ledger.core.engine import Ledger
from flows.ledger.launches.batches import (
    NumberBatch,
    mark_batch_not_sent,
    mark_batch_sent,
    mark_batch_unknown,
    read_open_batches,
    record_batch_outcome,
)
from flows.ledger.launches.due_launches import fail_launch, find_unsent_changes, finish_launches
from flows.ledger.launches.job_leases import ApprovedBranding, ApprovedLogo, Job, extend_job_leases, record_carrier_id
from flows.ledger.launches.live_programs import finish_brandings, finish_endings
from schemas.model.manifest import ProgramType
from schemas.model.purposes import PURPOSES


class EndReached(Exception):
    """The program's end came while it was being launched. The rest of the launch is not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierSession:
    """What a job needs. `load_logo` returns the bytes of an approved image, or None if the archive does not have it."""

    ledger: Ledger
    carrier: Carrier
    clock: Callable[[], datetime]
    load_logo: Callable[[ApprovedLogo], bytes | None]


def launch_program(session: CarrierSession, job: Job) -> str | None:
    """Put one revision live. Returns None, or the reason why the launch failed.

    Raises CarrierDown or CarrierUnsure if the launch has to continue later, EndReached, and LeaseLost if another
    process took the job over.
    """
    reason: str | None = None
    refused = False
    try:
        carrier_id = _send_program(session, job)
        unknown = _send_batches(session, job, carrier_id)
        if unknown:
            reason = (
                f"it is unknown whether the carrier took {unknown} numbers: check at the carrier; "
                "a retry sends them again"
            )
    except CarrierRefused as refusal:
        reason, refused = str(refusal), True
    with session.ledger.begin() as conn:
        if refused:
            increment_counter(conn, "carrier_errors", "refused")
        if reason is None:
            finish_launches(conn, [job], now=session.clock())
        else:
            fail_launch(conn, job, reason, now=session.clock())
    return reason


def end_program(session: CarrierSession, job: Job) -> None:
    """End one program at the carrier. A program that the carrier does not have counts as ended.

    Raises CarrierError or LeaseLost.
    """
    carrier_id = job.carrier_id or _find_carrier_id(session, job)
    if carrier_id is not None:
        # Ending is final, so the key is the same no matter who ends the program or how often.
        key = _idempotency_key(job, "end", carrier_id, job.start, job.end)
        with suppress(CarrierGone):
            session.carrier.end(carrier_id, _carrier_program(job), key=key)
    with session.ledger.begin() as conn:
        finish_endings(conn, [job], now=session.clock())


def brand_program(session: CarrierSession, job: Job) -> None:
    """Send the carrier what one live program shows on phones now. Raises CarrierError or LeaseLost."""
    carrier_id = job.carrier_id or _find_carrier_id(session, job)
    if carrier_id is None:
        raise CarrierGone("the carrier has no such program")
    _send_branding(session, job, carrier_id)
    with session.ledger.begin() as conn:
        finish_brandings(conn, [job], now=session.clock())


def keep_lease(session: CarrierSession, job: Job, length: timedelta) -> AbstractContextManager[None]:
    """Renew a job's lease while the block runs. If it is lost, the job's next write to the ledger raises LeaseLost."""
    held = [job]

    def renew(job: Job) -> None:
        with session.ledger.begin() as conn:
            extend_job_leases(conn, [job], until=session.clock() + length)

    return heartbeat(lambda: tuple(held), renew, held.remove, length=length)


def _send_program(session: CarrierSession, job: Job) -> str:
    """Bring the program's facts and branding at the carrier up to date, and return its id there."""
    program, carrier_id = _carrier_program(job), job.carrier_id
    with session.ledger.read() as conn:
        changes = find_unsent_changes(conn, job)
    if carrier_id is None and job.revision > 1:
        # An earlier revision may have created it, under another key, without getting the answer.
        carrier_id = _find_carrier_id(session, job)
    if carrier_id is None:
        carrier_id = session.carrier.create(program, key=_idempotency_key(job, "create", program))
    elif changes.facts:
        session.carrier.update(carrier_id, program, key=_idempotency_key(job, "update", job.token, program))
    if carrier_id != job.carrier_id:
        with session.ledger.begin() as conn:
            record_carrier_id(conn, job, carrier_id)
    if changes.branding:
        _send_branding(session, job, carrier_id)
    return carrier_id


def _find_carrier_id(session: CarrierSession, job: Job) -> str | None:
    found = session.carrier.find(_carrier_program(job))
    return found.id if found else None


def _send_branding(session: CarrierSession, job: Job, carrier_id: str) -> None:
    branding = _load_branding(session, job.branding) if job.branding else None
    session.carrier.set_branding(carrier_id, branding, key=_idempotency_key(job, "branding", job.token, job.branding))


def _send_batches(session: CarrierSession, job: Job, carrier_id: str) -> int:
    """Send the batches that were not sent yet, in order. Returns how many numbers have an unknown outcome."""
    with session.ledger.read() as conn:
        batches = read_open_batches(conn, job)
    unknown = 0
    for batch in batches:
        if session.clock() >= job.end:
            raise EndReached
        # A batch of another program takes numbers from it that this program reassigns to itself.
        batch_carrier_id = carrier_id if batch.reference == job.reference else batch.carrier_id
        if _can_be_sent(session, job, batch):
            _send_batch(session, job, batch, batch_carrier_id)
        else:
            unknown += len(batch.numbers)
    return unknown


def _can_be_sent(session: CarrierSession, job: Job, batch: NumberBatch) -> bool:
    """Whether sending this batch (again) cannot count its numbers twice. If not, its outcome is marked as unknown.

    A carrier that does not honor keys is asked which of the numbers it has; its `add_numbers` then skips those. If it
    cannot say, the batch is only sent again when the operator retries the launch.
    """
    retried = batch.state == "unknown" and not job.resumed
    if batch.state == "planned" or session.carrier.honors_keys or retried:
        return True
    found = session.carrier.find(_carrier_program(job), batch.numbers.tolist())
    if found is None or found.numbers is not None:
        return True
    if batch.state != "unknown":
        with session.ledger.begin() as conn:
            reason = "the answer was lost and the carrier cannot say which numbers it has"
            mark_batch_unknown(conn, job, batch, reason, session.clock())
    return False


def _send_batch(session: CarrierSession, job: Job, batch: NumberBatch, carrier_id: str | None) -> None:
    with session.ledger.begin() as conn:
        mark_batch_sent(conn, job, batch, session.clock())
    try:
        refused = _call_carrier(session.carrier, batch, carrier_id)
    except (CarrierDown, CarrierRefused) as error:
        # This attempt had no effect. But if the carrier is down, an earlier attempt may have had one.
        if batch.state == "planned" or isinstance(error, CarrierRefused):
            with session.ledger.begin() as conn:
                mark_batch_not_sent(conn, job, batch)
        raise
    with session.ledger.begin() as conn:
        record_batch_outcome(conn, job, batch, refused, session.clock())


def _call_carrier(carrier: Carrier, batch: NumberBatch, carrier_id: str | None) -> dict[int, str]:
    """Send a batch. Returns the refused numbers, each with the carrier's reason."""
    numbers = batch.numbers.tolist()
    if batch.kind == "remove":
        if carrier_id is not None:  # otherwise the carrier never got the program, and there is nothing to remove
            carrier.remove_numbers(carrier_id, numbers, key=batch.key)
        return {}
    if carrier_id is None:
        raise CarrierGone("the carrier has no such program")
    purposes = (PURPOSES[purpose] for purpose in batch.purposes.tolist())
    members = [CarrierNumber(number, purpose) for number, purpose in zip(numbers, purposes, strict=True)]
    return dict(carrier.add_numbers(carrier_id, members, key=batch.key))


def _load_branding(session: CarrierSession, approved: ApprovedBranding) -> Branding:
    """The branding with its logo's bytes. Raises CarrierRefused if they are missing or not the approved ones."""
    logo = None
    if approved.logo is not None:
        svg = session.load_logo(approved.logo)
        if svg is None or hashlib.sha256(svg).hexdigest() != approved.logo.sha256:
            raise CarrierRefused(f"the approved bytes of the logo {approved.logo.name} are not in the archive")
        logo = CarrierLogo(sha256=approved.logo.sha256, svg=svg)
    return Branding(display_name=approved.display_name, logo=logo, call_reason=approved.call_reason)


def _carrier_program(job: Job) -> CarrierProgram:
    return CarrierProgram(
        business=job.business,
        reference=job.reference,
        business_unit=job.business_unit,
        type=cast(ProgramType, job.type),
        name=job.name,
        call_purpose=job.call_purpose,
        description=job.description,
        start=job.start,
        end=job.end,
        timezone=job.timezone,
    )


def _idempotency_key(job: Job, call: str, *content: object) -> str:
    """The same for the same call of the same job, no matter which process makes it.

    It hashes the `repr` of CarrierProgram: to rename that class or its fields would change the keys of launches that an
    upgrade interrupts.
    """
    text = f"{job.business}/{job.reference} {job.revision} {call} {content!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:40]
