"""`launchdrop doctor`: checks for the mistakes that first deployments make, each with a remedy."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from flows.errors import LaunchdropError
from flows.ledger.core.control_flags import get_launch_pause
from flows.ledger.core.engine import Connection, Ledger, database_file, database_now
from flows.ledger.core.errors import NoLedger
from flows.logs import configure_logging
from flows.masking import mask
from flows.notifying.digest import configured_mail_server
from flows.operations import doctor_checks
from flows.operator_files.area_codes import AREA_CODES_SETTING, load_area_codes
from flows.operator_files.do_not_originate import load_do_not_originate
from flows.services import open_configured_carrier
from flows.settings import PREFIX, Settings, SettingsError, load_settings
from flows.stores import Store, StoreError, check_conditional_writes, read_object
from flows.stores.arrival_hints import count_queued_events
from flows.stores.folder import FolderStore
from flows.stores.opening import open_store
from schemas.manifest.businesses_yaml import BUSINESSES_FILE, BusinessesError, parse_businesses
from schemas.rows.numbers.area_codes import shipped_area_codes

log = logging.getLogger(__name__)

#: With less free space than this there is a warning; with less than a tenth of it, an error.
LOW_SPACE_BYTES = 1 << 30
#: With an older list of area codes there is a warning. A dozen new ones open in a year.
MAX_AREA_CODES_AGE = timedelta(days=365)

#: Returns what it found. Raises CheckWarning, LaunchdropError or OSError if that is not as it should be.
Check = Callable[[Settings], str]


class CheckWarning(LaunchdropError):
    """Not a problem yet, or intended. It is reported, but the exit code of `doctor` stays 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one check: what was found, and what to do if it is not `ok`. A `warning` is not a failure."""

    name: str
    ok: bool
    message: str
    remedy: str = ""
    warning: bool = False


def run_checks() -> Iterator[CheckResult]:
    """All checks, quick ones first. If the settings are invalid, no other check is possible."""
    try:
        settings = load_settings()
    except SettingsError as e:
        yield CheckResult(name="settings", ok=False, message=str(e), remedy="correct the variable or launchdrop.toml")
        return
    configure_logging(settings.log, settings.log_level)
    yield CheckResult(name="settings", ok=True, message="valid")
    for name, check, remedy in _checks(settings):
        yield _run_check(name, partial(check, settings), remedy)


def _checks(settings: Settings) -> Iterator[tuple[str, Check, str]]:
    """(name, check, remedy) of each check that applies to these settings."""
    guide = "flows/operations/README.md"
    yield "inbox", _inbox, f"set {PREFIX}INBOX to a place that launchdrop may read and that no business owns"
    yield "reports", _reports, f"set {PREFIX}REPORTS to a place that launchdrop may write to"
    yield "archive", _archive, f"set {PREFIX}ARCHIVE to a place that launchdrop may write to, with room for every drop"
    yield BUSINESSES_FILE, _businesses, f"put one into the inbox; {guide} shows an example"
    ledger = f"{PREFIX}LEDGER must be the SQLAlchemy URL of a database that can be reached; `launchdrop run` creates it"
    yield "ledger", _ledger, ledger
    yield "ledger disk", _ledger_disk, "SQLite cannot lock reliably over a network; use a local disk, or PostgreSQL"
    yield "launching", _launching, "when the reason is resolved: launchdrop launches resume"
    yield "carrier", _carrier, f"{guide} lists the carrier's settings; check that the network lets launchdrop reach it"
    yield "do-not-originate list", _do_not_originate, "write one number per line; # starts a comment"
    remedy = f"correct the line in the file that {PREFIX}AREA_CODES names; {guide} describes it"
    yield "area codes", _area_codes, remedy
    yield "clocks", _clocks, "synchronize the clocks with NTP; launch times depend on them"
    yield "time zones", _time_zones, "reinstall the tzdata package: make setup"
    if settings.events:
        yield "event queue", _event_queue, f"{PREFIX}EVENTS must be the URL of a queue that launchdrop may read"
    if settings.smtp_host:
        yield "mail server", _mail_server, f"{guide} lists the {PREFIX}SMTP_… settings"
    yield "versions", _versions, "install from requirements.lock: make setup"
    yield "Prefect server", _prefect_server, "start one (prefect server start), or unset PREFECT_API_URL to run without"
    if doctor_checks.prefect_api_url():
        remedy = "prefect --no-prompt deploy --all, then prefect worker start --pool launchdrop"
        yield "deployments", _deployments, remedy


def _run_check(name: str, check: Callable[[], str], remedy: str) -> CheckResult:
    try:
        return CheckResult(name=name, ok=True, message=check())
    except (LaunchdropError, OSError) as e:
        warning = isinstance(e, CheckWarning)
        return CheckResult(name=name, ok=False, message=mask(str(e)), remedy=remedy, warning=warning)
    except Exception as e:  # a bug in one check must not stop the others
        log.debug("%s", name, exc_info=e)
        message = f"failed with {type(e).__name__}; set {PREFIX}LOG_LEVEL=debug to log the details"
        return CheckResult(name=name, ok=False, message=message, remedy=remedy)


def _inbox(settings: Settings) -> str:
    """Readable, and writable if drops are deleted from it. Anyone who can write to its root can edit the businesses."""
    store = open_store(settings.inbox)
    if isinstance(store, FolderStore):
        if not store.root.is_dir():
            raise LaunchdropError(f"{store.url}: no such folder")
        doctor_checks.check_not_world_writable(store.root)
    count = sum(1 for entry in store.children() if entry.kind == "folder" and not entry.key.startswith(("_", ".")))
    if settings.after_intake == "empty" or settings.keep_inbox is not None:
        check_conditional_writes(store)
    return f"{store.url}: readable, folders of businesses: {count}"


def _reports(settings: Settings) -> str:
    return _check_writable(open_store(settings.reports))


def _archive(settings: Settings) -> str:
    return _check_writable(open_store(settings.archive))


def _check_writable(store: Store) -> str:
    """Write and delete a small object, check that creating it a second time fails, and check the free space."""
    try:
        check_conditional_writes(store)
    except StoreError as e:
        raise LaunchdropError(f"{store.url} cannot be written to: {e}") from None
    free = store.free_bytes()
    if free is not None and free < LOW_SPACE_BYTES:
        message = f"{store.url}: {free >> 20} MiB free; drops that do not fit are not taken"
        raise (CheckWarning(message) if free > LOW_SPACE_BYTES // 10 else LaunchdropError(message))
    return f"{store.url}: writable, conditional writes work" + (f", {free >> 30} GiB free" if free is not None else "")


def _businesses(settings: Settings) -> str:
    content = read_object(open_store(settings.inbox), BUSINESSES_FILE)
    if content is None:
        raise LaunchdropError(f"not found in {settings.inbox}")
    try:
        return f"{len(parse_businesses(content))} businesses"
    except BusinessesError as e:
        raise LaunchdropError(str(e)) from None


@contextmanager
def _read_ledger(settings: Settings) -> Iterator[Connection | None]:
    """A read transaction; None if there is no ledger yet. A check must not create one: that would hide a typo."""
    try:
        ledger = Ledger.open(settings.ledger, create=False)
    except NoLedger:
        yield None
        return
    try:
        with ledger.read() as conn:
            yield conn
    finally:
        ledger.close()


def _ledger(settings: Settings) -> str:
    try:
        Ledger.open(settings.ledger, create=False).close()
    except NoLedger as e:
        if settings.ledger == Settings.model_fields["ledger"].default:
            return f"{e} yet; the first `launchdrop run` creates it"
        raise CheckWarning(str(e)) from None  # a typo, or a new setup
    return "reachable, with the schema of this version"


def _ledger_disk(settings: Settings) -> str:
    path = database_file(settings.ledger)
    if path is None:
        return "on a database server"
    kind = doctor_checks.file_system_type(path)
    if kind in doctor_checks.NETWORK_FILE_SYSTEMS:
        raise LaunchdropError(f"{path} is on {kind}, a network file system")
    return f"{path} is on {kind}"


def _launching(settings: Settings) -> str:
    with _read_ledger(settings) as conn:
        pause = get_launch_pause(conn) if conn else None
    if pause:
        raise CheckWarning(f"paused since {pause.at} by {pause.by}: {pause.why}")
    return "not paused"


def _carrier(settings: Settings) -> str:
    open_configured_carrier(settings).close()
    if settings.carrier == "http" and settings.http_url:
        return f"http: {doctor_checks.check_reachable(settings.http_url)}"
    return settings.carrier


def _do_not_originate(settings: Settings) -> str:
    numbers = load_do_not_originate(settings)
    return "not set" if numbers is None else f"{len(numbers)} numbers"


def _area_codes(settings: Settings) -> str:
    shipped, operator = shipped_area_codes(), load_area_codes(settings)
    age = datetime.now(UTC).date() - date.fromisoformat(shipped.version)
    if age > MAX_AREA_CODES_AGE:
        raise CheckWarning(
            f"the list that comes with launchdrop is {age.days} days old; upgrade launchdrop, or name a file with "
            f"newer area codes in {AREA_CODES_SETTING}"
        )
    listed = f"your list has {len(operator.codes)} (version {operator.version})" if operator else "you have no list"
    return f"{len(shipped.codes)} of {shipped.version} come with launchdrop; {listed}"


def _clocks(settings: Settings) -> str:
    stores = {name: open_store(getattr(settings, name)) for name in ("inbox", "archive")}
    clocks = {name: store.server_time() for name, store in stores.items()}
    with _read_ledger(settings) as conn:
        clocks["ledger"] = database_now(conn) if conn else None
    if doctor_checks.prefect_api_url():
        clocks["Prefect server"] = doctor_checks.prefect_server_time()
    return doctor_checks.check_clocks({name: time for name, time in clocks.items() if time is not None})


def _time_zones(_settings: Settings) -> str:
    return f"it is {datetime.now(UTC).astimezone(ZoneInfo('America/Chicago')):%H:%M %Z} in America/Chicago"


def _event_queue(settings: Settings) -> str:
    assert settings.events is not None
    return f"readable, about {count_queued_events(settings.events)} messages are waiting"


def _mail_server(settings: Settings) -> str:
    mail_server = configured_mail_server(settings)
    assert mail_server is not None
    return doctor_checks.check_mail_server(mail_server)


def _versions(_settings: Settings) -> str:
    return doctor_checks.check_versions()


def _prefect_server(_settings: Settings) -> str:
    if doctor_checks.prefect_api_url():
        return doctor_checks.check_prefect_server()
    return "not set; `run` works without one, `serve` starts its own"


def _deployments(_settings: Settings) -> str:
    return doctor_checks.check_deployments()
