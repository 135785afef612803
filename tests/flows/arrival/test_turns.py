"""Businesses take turns, however many or large the drops of one are."""

from datetime import UTC, datetime, timedelta

from flows.arrival import turns
from flows.arrival.turns import Turns, take_turns
from flows.ledger.intake.drops import Sighting

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def sighting(name, *, after=0, writes=1):
    business, _, drop = name.partition("/")
    return Sighting(business=business, name=drop, first_seen=NOON + timedelta(seconds=after), writes=writes)


def flood(count):
    return [sighting(f"flood/{number}") for number in range(count)]


def cost(sighting):
    return 100.0 if sighting.name == "large" else 0.25


def names(sightings):
    return [f"{each.business}/{each.name}" for each in sightings]


def test_in_a_round_the_first_sighting_decides():
    found = [sighting("b/1"), sighting("a/2", after=1), sighting("b/3", after=2)]
    assert names(take_turns(found, cost=cost, look=lambda _: ())) == ["b/1", "a/2", "b/3"]


def test_a_business_waits_for_one_round_of_another():
    found = [*flood(2000), sighting("late/a", after=60), sighting("late/b", after=61)]
    order = names(take_turns(found, cost=cost, look=lambda _: ()))
    assert order[:6] == ["flood/0", "flood/1", "flood/2", "late/a", "late/b", "flood/3"]
    assert [name for name in order if name.startswith("flood/")] == names(flood(2000))


def test_a_large_drop_lets_others_go_first_but_not_for_long():
    found = [sighting("big/large"), *(sighting(f"small/{number}", after=1) for number in range(100))]
    order = names(take_turns(found, cost=cost, look=lambda _: ()))
    assert order.index("big/large") == turns.MAX_SECONDS_COUNTED / 0.25 - 1


def test_what_arrives_during_a_pass_gets_turns_among_the_others():
    """Looks ask only for businesses without drops that wait. A drop is handed out once."""
    asked = []
    arrived = [sighting("late/a"), sighting("flood/0"), sighting("late/b")]

    def look(waiting):
        asked.append(waiting)
        return arrived

    seconds = iter(range(1000))
    order = names(take_turns(flood(9), cost=cost, look=look, clock=lambda: next(seconds)))
    assert order == [*names(flood(3)), "late/a", "late/b", *names(flood(9))[3:]]
    assert asked[0] == {"flood"}


def test_a_pass_ends_although_drops_never_stop_arriving():
    numbers = iter(range(10_000))
    look = lambda _: [sighting(f"endless/{next(numbers)}") for _ in range(10)]  # noqa: E731
    seconds = iter(range(100_000))
    order = names(take_turns(flood(12), cost=cost, look=look, clock=lambda: next(seconds)))
    assert order[-1] == "flood/11"
    assert len(order) < 30


def test_looks_that_take_long_are_few():
    clock = [0.0]
    looks = []

    def look(_):
        clock[0] += 1.0
        looks.append(clock[0])
        return ()

    for _ in take_turns(flood(500), cost=cost, look=look, clock=lambda: clock[0]):
        clock[0] += 0.2
    assert len(looks) == 4


def test_a_business_that_comes_late_has_no_credit():
    """Otherwise those that were there from the beginning would wait until it has had as much work as they had."""
    waiting = Turns(cost)
    waiting.add(flood(100))
    for _ in range(50):
        waiting.next()
    waiting.add(sighting(f"late/{number}") for number in range(50))
    order = [waiting.next().business for _ in range(20)]
    assert 8 <= order.count("flood") <= 12
