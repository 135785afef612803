"""A circuit breaker: after a failure this process makes no calls to the carrier for a while."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from flows.carriers import CarrierDown

#: The longest cooldown in seconds, unless the carrier itself asks for a longer one.
MAX_COOLDOWN = 300.0


@dataclass(slots=True)
class CircuitBreaker:
    """Open for `cooldown` seconds after a failure, twice as long after each further one.

    If the carrier asks for a longer wait, the breaker stays open that long.
    """

    cooldown: float = 5.0
    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    open_until: float = 0.0

    def cooldown_left(self) -> float:
        """Seconds until calls are allowed again; 0 if they are allowed now."""
        return max(0.0, self.open_until - self.clock())

    def require_closed(self) -> None:
        """Raise CarrierDown, without a call, while the breaker is open."""
        if left := self.cooldown_left():
            raise CarrierDown(f"the carrier failed recently; the next call is in {left:.0f} s", retry_after=left)

    def record_failure(self, retry_after: float | None, *, down: bool = True) -> None:
        """Call this after all tries of a call have failed. `down=False` if one may have succeeded unnoticed.

        One call whose answers are lost may itself be the cause, so the breaker opens only after the second one.
        """
        cooldown = min(self.cooldown * 2**self.failures, MAX_COOLDOWN)
        self.failures = min(self.failures + 1, 16)
        if down or self.failures > 1:
            self.open_until = self.clock() + max(cooldown, retry_after or 0.0)

    def record_answer(self) -> None:
        """Call this after any answer of the carrier."""
        self.failures = 0
        self.open_until = 0.0


_breakers: dict[str, CircuitBreaker] = {}
_lock = Lock()


def shared_breaker(address: str, cooldown: float) -> CircuitBreaker:
    """The one breaker for this address in this process. It outlives a pass, which opens its own carrier."""
    with _lock:
        return _breakers.setdefault(address, CircuitBreaker(cooldown=cooldown))
