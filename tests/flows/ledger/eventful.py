"""A ledger in the midst of it: programs in every state that an upgrade may find them in."""

from flows.ledger.launches.batches import mark_batch_sent
from flows.ledger.launches.jobs import record_carrier_id
from tests.flows.ledger.samples import ACME, CUSTOM, DAY, HOUR, NOON, span

#: When it was left: the launch of "cut" is under way.
LEFT = NOON + 2 * HOUR


def eventful(desk):
    """Live with more to send, scheduled, cut short in its launch, ended, held, in review, cancelled, taking over."""
    early = span(NOON + HOUR, NOON + 10 * DAY)
    late = span(NOON + 5 * DAY, NOON + 10 * DAY)
    desk.drop("live", range(2_015_550_000, 2_015_550_012), schedule=early, purposes=1)
    desk.drop("over", range(2_015_550_100, 2_015_550_103), schedule=span(NOON + HOUR / 2, NOON + 1.5 * HOUR))
    desk.drop("reviewed", range(2_015_550_200, 2_015_550_202), schedule=early, display_name=CUSTOM)
    desk.now = NOON + HOUR
    errands = desk.claim()
    for errand in errands:
        desk.answer(errand, {2_015_550_001: "INVALID_NUMBER"} if errand.reference == "live" else {})
    desk.finish(errands)
    desk.drop("live", [2_015_550_050], schedule=early)
    desk.drop("scheduled", range(2_015_550_300, 2_015_550_305), schedule=late)
    desk.drop("scheduled", range(2_015_550_305, 2_015_550_307), schedule=late)
    desk.drop("taker", [2_015_550_002, 2_015_550_400], schedule=late, reassign=True)
    desk.drop("held", range(2_015_550_500, 2_015_550_503), schedule=late, verdict="held")
    desk.drop("gone", [2_015_550_600], schedule=late)
    desk.cancel("gone")
    desk.drop("bad", [], verdict="rejected")
    desk.drop("theirs", [2_015_550_700], business="zenith", schedule=late, display_name=ACME)
    desk.drop("cut", range(2_015_551_000, 2_015_551_510), schedule=span(LEFT, NOON + 10 * DAY))
    desk.now = LEFT
    desk.end()
    [cut] = [errand for errand in desk.claim() if errand.reference == "cut"]
    first, _ = desk.open(cut)
    with desk.ledger.begin() as conn:
        record_carrier_id(conn, cut, "cut-at-carrier")
        mark_batch_sent(conn, cut, first, desk.now)
