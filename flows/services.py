"""The edges of a running launchdrop, opened from its settings: where files are, what is known, where programs go."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from flows.carriers import Carrier
from flows.carriers.opening import open_carrier
from flows.ledger.core.engine import Ledger
from flows.ledger.core.errors import LedgerError
from flows.logs import configure_logging
from flows.settings import PREFIX, Settings, SettingsError
from flows.stores import Store, StoreError
from flows.stores.folder import FolderStore
from flows.stores.opening import open_store
from schemas.rows.types import RowWorkers

StoreName = Literal["inbox", "reports", "archive"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a step may need from outside. `row_workers` share the rows of one large drop."""

    settings: Settings
    ledger: Ledger
    inbox: Store
    reports: Store
    archive: Store
    carrier: Carrier
    clock: Callable[[], datetime] = _utc_now
    row_workers: RowWorkers | None = None


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """All edges, closed at the end, and the log as it is set. Raises LaunchdropError where one cannot be opened."""
    configure_logging(settings.log, settings.log_level)
    carrier = open_configured_carrier(settings)
    try:
        ledger = open_configured_ledger(settings)
        try:
            yield Services(
                settings=settings,
                ledger=ledger,
                inbox=open_configured_store(settings, "inbox"),
                reports=open_configured_store(settings, "reports"),
                archive=open_configured_store(settings, "archive"),
                carrier=carrier,
            )
        finally:
            ledger.close()
    finally:
        carrier.close()


def open_configured_store(settings: Settings, name: StoreName) -> Store:
    """The store of that setting. Raises SettingsError, which names it, where it is none."""
    try:
        return open_store(getattr(settings, name))
    except StoreError as e:
        raise SettingsError(f"{PREFIX}{name.upper()}: {e}") from None


#: What is expected of a folder, by the setting's name. The inbox is the operator's to make: a new one hides a slip.
_FOLDER_ERRORS: Mapping[StoreName, str] = {
    "inbox": "is no folder; expected the folder in which drops arrive",
    "reports": "is no folder and cannot be made one; expected the folder in which reports are written",
    "archive": "is no folder and cannot be made one; expected the folder in which submissions are kept",
}


def check_folders(settings: Settings) -> None:
    """That the folders are there, for the start of a command; reports and archive are made. Raises SettingsError.

    What goes away later is trouble that passes, and no wrong setting.
    """
    for name, wrong in _FOLDER_ERRORS.items():
        store = open_configured_store(settings, name)
        if isinstance(store, FolderStore) and not _is_usable_folder(store.root, make=name != "inbox"):
            raise SettingsError(f"{PREFIX}{name.upper()}: {getattr(settings, name)!r} {wrong}, or s3://bucket/prefix")


def _is_usable_folder(path: Path, *, make: bool) -> bool:
    if make:
        with suppress(OSError):
            path.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        return path.is_dir()
    return False


def open_configured_ledger(settings: Settings) -> Ledger:
    """The ledger that is set. Raises SettingsError, which names the setting, where it cannot be opened."""
    try:
        return Ledger.open(settings.ledger)
    except LedgerError as e:
        raise SettingsError(f"{PREFIX}LEDGER: {e}") from e


#: What a carrier cannot do without, by the setting's name.
_REQUIRED_SETTINGS = {
    "local": (),
    "http": ("HTTP_URL", "HTTP_SECRET"),
    "first_orion": ("FIRST_ORION_API_KEY", "FIRST_ORION_SECRET_KEY"),
}


def open_configured_carrier(settings: Settings) -> Carrier:
    """The carrier that is set. Raises SettingsError where something of it is missing or wrong."""
    kind = settings.carrier
    if missing := [n for n in _REQUIRED_SETTINGS[kind] if getattr(settings, n.lower()) is None]:
        names = " and ".join(PREFIX + name for name in missing)
        raise SettingsError(f"{PREFIX}CARRIER={kind} needs {names} to be set")
    try:
        return open_carrier(kind, settings.carrier_options)
    except ValueError as e:
        raise SettingsError(f"{PREFIX}CARRIER={kind}: {e}") from None
