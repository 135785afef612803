"""Processes that launch forever, to be killed by tests. For each line of input, this starts one and prints its id.

They are forked from here, where everything is imported already, so that a death costs milliseconds and not seconds.
"""

import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta

from flows.carriers.http import HttpCarrier, HttpOptions
from flows.launching import due_jobs
from flows.ledger.core.engine import Ledger

SECRET = "whsec_c3RhbmQtaW4gc2VjcmV0IG9mIHRlc3Rz"


def launch(ledger_url: str, carrier_url: str, lease: str) -> None:
    due_jobs.RETRY_UNSURE = timedelta(milliseconds=50)  # the real one would only make the test longer
    options = HttpOptions(url=carrier_url, secret=SECRET, timeout=0.3, initial_wait=0.005, max_wait=0.5, cooldown=0.01)
    ledger, carrier = Ledger.open(ledger_url), HttpCarrier(options)
    while True:
        due_jobs.run_due_jobs(
            ledger,
            carrier,
            clock=lambda: datetime.now(UTC),
            allowed_delay=timedelta(hours=24),
            lease=timedelta(seconds=float(lease)),
        )
        time.sleep(0.02)


def main(*addresses: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that dead children do not stay as zombies
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            launch(*addresses)
        print(child, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
