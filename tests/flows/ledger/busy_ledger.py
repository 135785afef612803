"""A ledger with programs in every state that an upgrade may find them in."""

from flows.ledger.launches.batches import mark_batch_sent
from flows.ledger.launches.job_leases import record_carrier_id
from tests.flows.ledger.driver import ACME, CUSTOM, DAY, HOUR, NOON, schedule

#: The time when it was left, in the middle of the launch of "cut".
LEFT_AT = NOON + 2 * HOUR


def fill_ledger(driver):
    """Programs: live with more to send, scheduled, launching, ended, held, in review, canceled, about to take over."""
    early = schedule(NOON + HOUR, NOON + 10 * DAY)
    late = schedule(NOON + 5 * DAY, NOON + 10 * DAY)
    driver.drop("live", range(2_015_550_000, 2_015_550_012), schedule=early, purposes=1)
    driver.drop("over", range(2_015_550_100, 2_015_550_103), schedule=schedule(NOON + HOUR / 2, NOON + 1.5 * HOUR))
    driver.drop("reviewed", range(2_015_550_200, 2_015_550_202), schedule=early, display_name=CUSTOM)
    driver.now = NOON + HOUR
    jobs = driver.claim()
    for job in jobs:
        driver.send_batches(job, {2_015_550_001: "INVALID_NUMBER"} if job.reference == "live" else {})
    driver.finish(jobs)
    driver.drop("live", [2_015_550_050], schedule=early)
    driver.drop("scheduled", range(2_015_550_300, 2_015_550_305), schedule=late)
    driver.drop("scheduled", range(2_015_550_305, 2_015_550_307), schedule=late)
    driver.drop("taker", [2_015_550_002, 2_015_550_400], schedule=late, reassign=True)
    driver.drop("held", range(2_015_550_500, 2_015_550_503), schedule=late, verdict="held")
    driver.drop("gone", [2_015_550_600], schedule=late)
    driver.cancel("gone")
    driver.drop("bad", [], verdict="rejected")
    driver.drop("theirs", [2_015_550_700], business="zenith", schedule=late, display_name=ACME)
    driver.drop("cut", range(2_015_551_000, 2_015_551_510), schedule=schedule(LEFT_AT, NOON + 10 * DAY))
    driver.now = LEFT_AT
    driver.end()
    [cut] = [job for job in driver.claim() if job.reference == "cut"]
    first, _ = driver.open_batches(cut)
    with driver.ledger.begin() as conn:
        record_carrier_id(conn, cut, "cut-at-carrier")
        mark_batch_sent(conn, cut, first, driver.now)
