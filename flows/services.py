"""What a pass works with: stores, ledger and carrier, opened from the settings, and the clock."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from flows.carriers import Carrier
from flows.carriers.opening import open_carrier
from flows.ledger.core.engine import Ledger
from flows.ledger.core.errors import LedgerError, NoLedger
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
    """What a pass works with. `row_workers` are processes that judge the rows of one large drop in parallel."""

    settings: Settings
    ledger: Ledger
    inbox: Store
    reports: Store
    archive: Store
    carrier: Carrier
    clock: Callable[[], datetime] = _utc_now
    row_workers: RowWorkers | None = None


@contextmanager
def open_services(settings: Settings, *, create_ledger: bool = True) -> Iterator[Services]:
    """Open everything that the settings name, configure logging, and close everything at the end.

    Raises LaunchdropError if something cannot be opened.
    """
    configure_logging(settings.log, settings.log_level)
    carrier = open_configured_carrier(settings)
    try:
        ledger = open_configured_ledger(settings, create=create_ledger)
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
    """The store that this setting names. Raises SettingsError, which names the setting, if it is invalid."""
    try:
        return open_store(getattr(settings, name))
    except StoreError as e:
        raise SettingsError(f"{PREFIX}{name.upper()}: {e}") from None


#: The error for each folder that does not exist. The inbox is never created, because that would hide a typo.
_FOLDER_ERRORS: Mapping[StoreName, str] = {
    "inbox": "is not a folder; expected the folder where drops arrive",
    "reports": "is not a folder and cannot be created; expected the folder for reports",
    "archive": "is not a folder and cannot be created; expected the folder for submissions",
}


def check_folders(settings: Settings) -> None:
    """Check at the start of a command that the folders exist. Reports and archive are created. Raises SettingsError.

    A folder that disappears later is a temporary failure, not a wrong setting.
    """
    for name, error in _FOLDER_ERRORS.items():
        store = open_configured_store(settings, name)
        if isinstance(store, FolderStore) and not _is_usable_folder(store.root, create=name != "inbox"):
            raise SettingsError(f"{PREFIX}{name.upper()}: {getattr(settings, name)!r} {error}, or s3://bucket/prefix")


def _is_usable_folder(path: Path, *, create: bool) -> bool:
    if create:
        with suppress(OSError):
            path.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        return path.is_dir()
    return False


def open_configured_ledger(settings: Settings, *, create: bool = True) -> Ledger:
    """The ledger that the setting names. Raises SettingsError, which names the setting, if it cannot be opened."""
    try:
        return Ledger.open(settings.ledger, create=create)
    except NoLedger as e:
        raise SettingsError(
            f"{PREFIX}LEDGER: {e}. Run this where launchdrop runs, or correct the setting. A first `launchdrop run` "
            "creates a ledger"
        ) from None
    except LedgerError as e:
        raise SettingsError(f"{PREFIX}LEDGER: {e}") from e


#: The settings that each carrier needs.
_REQUIRED_SETTINGS = {
    "local": (),
    "http": ("HTTP_URL", "HTTP_SECRET"),
    "first_orion": ("FIRST_ORION_API_KEY", "FIRST_ORION_SECRET_KEY"),
}


def open_configured_carrier(settings: Settings) -> Carrier:
    """The carrier that the setting names. Raises SettingsError if one of its settings is missing or invalid."""
    kind = settings.carrier
    if missing := [name for name in _REQUIRED_SETTINGS[kind] if getattr(settings, name.lower()) is None]:
        names = " and ".join(PREFIX + name for name in missing)
        raise SettingsError(f"{PREFIX}CARRIER={kind} needs {names} to be set")
    try:
        return open_carrier(kind, settings.carrier_options)
    except ValueError as e:
        raise SettingsError(f"{PREFIX}CARRIER={kind}: {e}") from None
