"""The order in which a pass takes drops: businesses take turns, so that none waits for all the drops of another."""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from flows.ledger.intake.drops import Sighting

#: Seconds of work that each business gets in a round. Within a round, the drop that was seen first comes first.
ROUND_SECONDS = 1.0
#: The most that one drop counts. A larger one waits for this much work of each other business, and no longer.
MAX_SECONDS_COUNTED = 10.0
#: Seconds between two looks at the inbox during a pass. After a look that took long, it is this many times as long.
LOOK_SECONDS, LOOK_FACTOR = 1.0, 30.0

#: Estimates the seconds of work for a drop.
Cost = Callable[[Sighting], float]
#: Looks at the inbox, except for these businesses, and returns the drops that can be taken now.
Look = Callable[[Collection[str]], Iterable[Sighting]]


def take_turns(
    settled: Collection[Sighting], *, cost: Cost, look: Look, clock: Callable[[], float] = time.monotonic
) -> Iterator[Sighting]:
    """Yield these drops, and in between those that arrive meanwhile, so that the businesses take turns.

    Ends after the last of the drops in `settled`, so that a pass ends even if drops never stop arriving. Drops of a
    business that still waits for its turn are not looked for, because they would come after it anyway.
    """
    turns = Turns(cost)
    turns.add(settled)
    left = {_version(sighting) for sighting in settled}
    next_look = clock() + LOOK_SECONDS
    while left:
        if (began := clock()) >= next_look:
            turns.add(look(turns.businesses()))
            next_look = clock() + max(LOOK_SECONDS, LOOK_FACTOR * (clock() - began))
        sighting = turns.next()
        left.discard(_version(sighting))
        yield sighting


class Turns:
    """Drops that wait for their turn. Those of one business keep the order in which they were added."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._round = 0
        self._waiting: list[_Turn] = []  # a heap
        self._by_business = Counter[str]()
        self._work: dict[str, float] = {}
        self._known: set[tuple[str, str, int]] = set()

    def add(self, sightings: Iterable[Sighting]) -> None:
        """Add drops that were not added before. A business that had nothing waiting starts with the present round."""
        for sighting in sightings:
            if _version(sighting) in self._known:
                continue
            self._known.add(_version(sighting))
            self._by_business[sighting.business] += 1
            begin = max(self._work.get(sighting.business, 0.0), self._round * ROUND_SECONDS)
            self._work[sighting.business] = end = begin + min(self._cost(sighting), MAX_SECONDS_COUNTED)
            seen = sighting.manifest_seen or sighting.first_seen
            heapq.heappush(self._waiting, _Turn(int(end / ROUND_SECONDS), seen, len(self._known), sighting))

    def next(self) -> Sighting:
        """The drop whose turn it is. Raises IndexError if none is left."""
        turn = heapq.heappop(self._waiting)
        self._round = turn.round
        self._by_business[turn.sighting.business] -= 1
        return turn.sighting

    def businesses(self) -> set[str]:
        """The businesses that have drops waiting."""
        return {business for business, count in self._by_business.items() if count}


@dataclass(frozen=True, slots=True, order=True)
class _Turn:
    round: int
    seen: datetime
    position: int  # among those seen at the same time
    sighting: Sighting = field(compare=False)


def _version(sighting: Sighting) -> tuple[str, str, int]:
    """Distinguishes a drop from the same one after it changed."""
    return sighting.business, sighting.name, sighting.writes
