"""Looking for what a first deployment gets wrong: one check after the other, each with its remedy."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.error import URLError
from urllib.request import urlopen

from flows.ledger import Ledger
from flows.ledger.flags import paused
from flows.settings import PREFIX, Settings, SettingsError, load
from flows.stores import open_store, probe, read
from flows.trouble import Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at, what was seen, and what to do where it is not well."""

    what: str
    well: bool
    said: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """Every check, the cheap ones first; without settings there is nothing more to look at."""
    try:
        settings = load()
    except SettingsError as e:
        yield Finding(what="settings", well=False, said=str(e), remedy="correct the variable or launchdrop.toml")
        return
    yield Finding(what="settings", well=True, said="understood")
    for name, where in (("inbox", settings.inbox), ("reports", settings.reports), ("archive", settings.archive)):
        yield _tried(name, partial(_store, where), f"set {PREFIX}{name.upper()} to a place you may write to")
    yield _tried("businesses.yaml", lambda: _businesses(settings), "put it into the inbox: inbox/README.md shows one")
    yield _tried("ledger", lambda: _ledger(settings), f"{PREFIX}LEDGER is an SQLAlchemy URL; can it be reached?")
    yield _tried("carrier", lambda: _carrier(settings), "the carrier's settings are in flows/README.md")
    yield _tried("do-not-originate list", lambda: _list(settings), "one number a line; # begins a comment")
    yield _tried("time zones", _zones, "install the tzdata package anew: make setup")
    yield _tried("Prefect server", _server, "start one (prefect server start), or unset PREFECT_API_URL to do without")


def _tried(what: str, check: Callable[[], str], remedy: str) -> Finding:
    try:
        return Finding(what=what, well=True, said=check())
    except (Trouble, OSError) as e:
        return Finding(what=what, well=False, said=str(e), remedy=remedy)


def _store(where: str) -> str:
    """Writes, reads and deletes a small object, and sees that a second create is refused."""
    store = open_store(where)
    probe(store)
    free = store.free()
    return f"{store.url}: writable, creates only once" + (f", {free >> 30} GiB free" if free is not None else "")


def _businesses(settings: Settings) -> str:
    from schemas.businesses import BusinessesError, read_businesses

    content = read(open_store(settings.inbox), "businesses.yaml")
    if content is None:
        raise Trouble(f"not found in {settings.inbox}")
    try:
        return f"{len(read_businesses(content))} businesses"
    except BusinessesError as e:
        raise Trouble(str(e)) from None


def _ledger(settings: Settings) -> str:
    ledger = Ledger.open(settings.ledger)
    try:
        with ledger.begin() as conn:
            stopped = paused(conn)
    finally:
        ledger.close()
    if stopped:
        raise Trouble(f"launching is paused since {stopped.at} by {stopped.by}: {stopped.why} (launches resume)")
    return "reachable, its schema is this launchdrop's"


def _carrier(settings: Settings) -> str:
    from flows.pipeline import open_carrier_of

    open_carrier_of(settings).close()
    return settings.carrier


def _list(settings: Settings) -> str:
    from flows.lists import do_not_originate

    listed = do_not_originate(settings)
    return "none set" if listed is None else f"{len(listed)} numbers"


def _zones() -> str:
    from zoneinfo import ZoneInfo

    return f"America/Chicago is at {datetime.now(UTC).astimezone(ZoneInfo('America/Chicago')):%H:%M %Z}"


def _server() -> str:
    url = os.environ.get("PREFECT_API_URL")
    if url is None:
        return "none set; `run` does without one, `serve` starts its own"
    try:
        with urlopen(f"{url}/health", timeout=5):  # noqa: S310  the operator's own setting
            return f"{url} answers"
    except (URLError, ValueError) as e:
        raise Trouble(f"{url} does not answer: {e}") from None
