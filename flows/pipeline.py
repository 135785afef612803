"""The edges of a running launchdrop, opened from its settings: where files are, what is known, where programs go."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from flows.carriers import Carrier, open_carrier
from flows.ledger import Ledger
from flows.logs import configure
from flows.settings import PREFIX, Settings, SettingsError
from flows.spreading import Crew
from flows.stores import Store, open_store


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Everything a step may need from outside. `crew` are workers among whom one large drop is to be divided."""

    settings: Settings
    ledger: Ledger
    inbox: Store
    reports: Store
    archive: Store
    carrier: Carrier
    clock: Callable[[], datetime] = _utc_now
    crew: Crew | None = None


@contextmanager
def open_pipeline(settings: Settings) -> Iterator[Pipeline]:
    """All edges, closed at the end, and the log as it is set. Raises Trouble where one cannot be opened."""
    configure(settings.log, settings.log_level)
    carrier = open_carrier_of(settings)
    try:
        ledger = Ledger.open(settings.ledger)
        try:
            yield Pipeline(
                settings=settings,
                ledger=ledger,
                inbox=open_store(settings.inbox),
                reports=open_store(settings.reports),
                archive=open_store(settings.archive),
                carrier=carrier,
            )
        finally:
            ledger.close()
    finally:
        carrier.close()


#: What a carrier cannot do without, by the setting's name.
_NEEDED = {
    "local": (),
    "http": ("HTTP_URL", "HTTP_SECRET"),
    "first_orion": ("FIRST_ORION_API_KEY", "FIRST_ORION_SECRET_KEY"),
}


def open_carrier_of(settings: Settings) -> Carrier:
    """The carrier that is set. Raises SettingsError where something of it is missing or wrong."""
    kind = settings.carrier
    if missing := [n for n in _NEEDED[kind] if getattr(settings, n.lower()) is None]:
        names = " and ".join(PREFIX + name for name in missing)
        raise SettingsError(f"{PREFIX}CARRIER={kind} needs {names} to be set")
    try:
        return open_carrier(kind, settings.carrier_options)
    except ValueError as e:
        raise SettingsError(f"{PREFIX}CARRIER={kind}: {e}") from None
