"""Numbers that one business has and another one asks for."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from flows.ledger.core.outbox import claim_outbox_entries, clear_outbox_entries
from flows.ledger.programs.contested_numbers import (
    Inquiry,
    find_holder,
    list_askers,
    list_released,
    record_inquiry,
)
from flows.ledger.programs.programs import release_number
from tests.flows.ledger.driver import HOUR, some_numbers

N = some_numbers(1)[0]


def ask(driver, name, numbers, *, business="zenith", limit=1000):
    asked = Inquiry(business=business, drop=name, digest=name, numbers=np.array(numbers, dtype=np.int64))
    with driver.ledger.begin() as conn:
        return record_inquiry(conn, asked, limit=limit, now=driver.now)


def test_two_drops_at_once_do_not_exceed_the_limit_together(driver):
    with ThreadPoolExecutor(8) as threads:
        asked = threads.map(lambda place: ask(driver, f"d{place}", some_numbers(2, 2 * place), limit=5), range(8))
        assert sorted(asked) == [False] * 6 + [True] * 2


def test_a_release_is_reported_to_both_sides(driver):
    driver.drop("p", some_numbers(2))
    ask(driver, "theirs", [N])
    ask(driver, "too-many", [N, N + 1], limit=0, business="curious")
    with driver.ledger.begin() as conn:
        clear_outbox_entries(conn, claim_outbox_entries(conn, owner="me", now=driver.now, length=HOUR), owner="me")
        assert (find_holder(conn, N).business, [a.drop for a in list_askers(conn, N)]) == ("acme", ["theirs"])
        release_number(conn, N, by="ann", now=driver.now, reason="A bill in its name.")
        due = claim_outbox_entries(conn, owner="other", now=driver.now, length=HOUR)
        released = {
            "acme": list_released(conn, "acme", drop="any", reference="p", since=driver.now),
            "zenith": list_released(conn, "zenith", drop="theirs", reference=None, since=driver.now),
        }
        assert list_released(conn, "acme", drop="any", reference="other", since=driver.now) == []
        assert list_released(conn, "zenith", drop="other", reference=None, since=driver.now) == []
        assert list_released(conn, "zenith", drop="theirs", reference=None, since=driver.now + HOUR) == []
        assert (find_holder(conn, N), list_askers(conn, N)) == (None, [])
    assert {(e.kind, e.business) for e in due} >= {("receipt", "acme"), ("receipt", "zenith")}
    for business, rows in released.items():
        assert [(row.number, row.reason, row.business) for row in rows] == [(N, "A bill in its name.", business)]
