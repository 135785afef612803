"""A carrier that is down is asked rarely: after a failure no call goes out for a while, in this whole process."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from flows.carriers import CarrierDown

#: The longest rest, in seconds, where the carrier itself does not ask for a longer one.
MAX_COOLDOWN = 300.0


@dataclass(slots=True)
class CircuitBreaker:
    """Open after a failure for `rest` seconds, twice as long after each further one, at least as long as asked for."""

    rest: float = 5.0
    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    asked_again_at: float = 0.0

    def left(self) -> float:
        """Seconds it still rests; 0: it may be asked."""
        return max(0.0, self.asked_again_at - self.clock())

    def check(self) -> None:
        """Raises CarrierDown, without asking, while the carrier rests."""
        if left := self.left():
            raise CarrierDown(f"the carrier failed lately and is asked again in {left:.0f} s", retry_after=left)

    def failed(self, retry_after: float | None, *, down: bool = True) -> None:
        """After every try of a call failed; not `down`: one of them may have happened, its answer was lost.

        One call whose answers stay lost may be the fault of that call; two in a row are the carrier's.
        """
        pause = min(self.rest * 2**self.failures, MAX_COOLDOWN)
        self.failures = min(self.failures + 1, 16)
        if down or self.failures > 1:
            self.asked_again_at = self.clock() + max(pause, retry_after or 0.0)

    def answered(self) -> None:
        """After the carrier answered, whatever it said."""
        self.failures = 0
        self.asked_again_at = 0.0


_breakers: dict[str, CircuitBreaker] = {}
_lock = Lock()


def shared_breaker(address: str, rest: float) -> CircuitBreaker:
    """The one breaker of this address in this process: a new pass opens its carrier anew but still remembers."""
    with _lock:
        return _breakers.setdefault(address, CircuitBreaker(rest=rest))
