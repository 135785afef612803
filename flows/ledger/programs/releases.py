"""What an operator may do to a number by hand."""

from datetime import datetime

import numpy as np
from sqlalchemy import Connection, update

from flows.ledger.core.errors import LedgerError
from flows.ledger.core.tables import program, revision
from flows.ledger.core.transitions import add_indexes_to_outbox, record_transitions
from flows.ledger.programs import numbers
from flows.ledger.programs.ownership import find_holders, update_numbers
from flows.ledger.programs.programs import CurrentProgram, get_program_for_update


def release_number(conn: Connection, number: int, *, by: str, now: datetime) -> tuple[str, str]:
    """Free a number by hand; (business, reference) of the program that had it. Raises LedgerError.

    It can be registered elsewhere at once. Where the carrier may have it, its removal is sent with a revision of the
    operator's own, or with the one that is on its way.
    """
    held = find_holders(conn, np.array([number]))
    if not held.programs:
        raise LedgerError("the number is registered nowhere")
    key, business, reference = held.programs[0]
    found = get_program_for_update(conn, business, reference)
    if found.state == "launching":
        raise LedgerError(f"{business}/{reference} is launching: try again when it is over")
    if found.program.at_carrier:
        update_numbers(conn, key, held.numbers, claimed=False, change="remove")
    else:
        update_numbers(conn, key, held.numbers, claimed=False, change=None, state="removed")
    numbers.recount_numbers(conn, [key])
    cause = "a number was released by hand"
    place = {"business": business, "reference": reference, "revision": found.revision.number}
    record_transitions(
        conn, now, [place | {"thing": "numbers", "before": "claimed", "after": "released", "cause": cause, "by": by}]
    )
    if found.state == "live":
        _revise_by_hand(conn, found, cause=cause, by=by, now=now)
    add_indexes_to_outbox(conn, {business})
    return business, reference


def _revise_by_hand(conn: Connection, found: CurrentProgram, *, cause: str, by: str, now: datetime) -> None:
    old = found.revision
    # Still the submission's: its drops are told of this revision, and its archive has the logo.
    values = dict(old._mapping) | {"number": old.number + 1, "state": "scheduled", "reason": None}
    values |= {"added": 0, "removed": 1, "changed": 0, "made_at": now, "late_from": now, "live_at": None}
    del values["id"]
    made = conn.execute(revision.insert().values(**values).returning(revision.c.id)).scalar_one()
    conn.execute(update(program).where(program.c.id == found.program.id).values(revision=made))
    place = {"business": found.program.business, "reference": found.program.reference, "revision": old.number + 1}
    record_transitions(conn, now, [place | {"thing": "revision", "after": "scheduled", "cause": cause, "by": by}])
