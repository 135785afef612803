"""What judging asks the ledger of numbers, in bulk: whose are they already."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flows.ledger.belonging import holders
from schemas.numbers import Conflict

if TYPE_CHECKING:
    from flows.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerClaims:
    """The claims of all others than one program of one business, as `schemas.numbers.Claims` asks for them.

    The ledger is asked anew at each call, outside of any transaction; registering looks again inside its own.
    """

    ledger: "Ledger"
    business: str
    reference: str | None
    reassign: bool

    def conflicts(self, numbers: np.ndarray) -> Mapping[int, Conflict]:
        """Those of the numbers (sorted unique int64) that the program may not have, and by which rule.

        NUM-022 never says which business it is; NUM-023 names the program.
        """
        with self.ledger.read() as conn:
            held = holders(conn, numbers)
        kinds = [self._conflict(business, reference) for _, business, reference in held.programs]
        pairs = zip(held.numbers.tolist(), held.holder.tolist(), strict=True)
        return {number: conflict for number, place in pairs if (conflict := kinds[place]) is not None}

    def _conflict(self, business: str, reference: str) -> Conflict | None:
        if business != self.business:
            return Conflict(rule="NUM-022", program=None)
        if reference == self.reference or self.reassign:
            return None
        return Conflict(rule="NUM-023", program=reference)


def claims(ledger: "Ledger", business: str, reference: str | None, *, reassign: bool) -> LedgerClaims:
    """What judging a submission of this program is to ask of its numbers."""
    return LedgerClaims(ledger=ledger, business=business, reference=reference, reassign=reassign)
