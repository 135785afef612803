"""Looking for what a first deployment gets wrong: one check after the other, each with its remedy."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from flows.errors import LaunchdropError
from flows.ledger.core.control_flags import get_launch_pause
from flows.ledger.core.engine import Ledger, database_file, database_now
from flows.logs import configure_logging
from flows.masking import mask
from flows.operations import probes
from flows.settings import PREFIX, Settings, SettingsError, load_settings
from flows.stores import Store, StoreError, check_conditional_writes, read_object
from flows.stores.folder import FolderStore
from flows.stores.opening import open_store

log = logging.getLogger(__name__)

#: Less than this free is told; with less than a tenth of it drops are not taken any more.
LOW_SPACE_BYTES = 1 << 30


class CheckWarning(LaunchdropError):
    """Nothing is wrong yet, or somebody meant it so: it is said, and the exit code stays 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What was looked at, what was seen, and what to do where it is not `well`. A `note` alone makes nobody ill."""

    name: str
    ok: bool
    message: str
    remedy: str = ""
    warning: bool = False


def run_checks() -> Iterator[CheckResult]:
    """Every check, the cheap ones first; without settings there is nothing more to look at."""
    try:
        settings = load_settings()
    except SettingsError as e:
        yield CheckResult(name="settings", ok=False, message=str(e), remedy="correct the variable or launchdrop.toml")
        return
    configure_logging(settings.log, settings.log_level)
    yield CheckResult(name="settings", ok=True, message="understood")
    for what, check, remedy in _checks(settings):
        yield _tried(what, partial(check, settings), remedy)


Check = Callable[[Settings], str]


def _checks(settings: Settings) -> Iterator[tuple[str, Check, str]]:
    """(what, how, remedy) of each. A check gives what it saw; Note, LaunchdropError and OSError say what is not well."""
    yield "inbox", _inbox, f"set {PREFIX}INBOX to a place that launchdrop may read, and the businesses may not own"
    yield "reports", _reports, f"set {PREFIX}REPORTS to a place you may write to"
    yield "archive", _archive, f"set {PREFIX}ARCHIVE to a place you may write to, with room for every drop"
    yield "businesses.yaml", _businesses, "put it into the inbox: README.md shows an entry"
    yield "ledger", _ledger, f"{PREFIX}LEDGER is an SQLAlchemy URL; can it be reached?"
    yield "ledger's disk", _ledger_disk, "SQLite locks badly over a network: a local disk, or PostgreSQL"
    yield "launching", _launching, "when its reason is gone: launchdrop launches resume"
    yield "carrier", _carrier, "the carrier's settings are in flows/operations/README.md; is the way to it open?"
    yield "do-not-originate list", _list, "one number a line; # begins a comment"
    yield "clocks", _clocks, "set the clocks by NTP: what launches when hangs on them"
    yield "time zones", _zones, "install the tzdata package anew: make setup"
    if settings.events:
        yield "queue of events", _events, f"{PREFIX}EVENTS is the queue's URL; may launchdrop receive from it?"
    if settings.smtp_host:
        yield "mail server", _mail, f"the {PREFIX}SMTP_… settings are in flows/operations/README.md"
    yield "versions", _versions, "install from requirements.lock: make setup"
    yield "Prefect server", _server, "start one (prefect server start), or unset PREFECT_API_URL to do without"
    if probes.prefect_api_url():
        yield (
            "deployments",
            _deployments,
            "prefect --no-prompt deploy --all, then prefect worker start --pool launchdrop",
        )


def _tried(what: str, check: Callable[[], str], remedy: str) -> CheckResult:
    try:
        return CheckResult(name=what, ok=True, message=check())
    except (LaunchdropError, OSError) as e:
        return CheckResult(name=what, ok=False, message=mask(str(e)), remedy=remedy, warning=isinstance(e, CheckWarning))
    except Exception as e:  # what nobody foresaw is wrong as well, and the checks after it are still to be made
        log.debug("%s", what, exc_info=e)
        said = f"failed by {type(e).__name__}; with {PREFIX}LOG_LEVEL=debug the log has more"
        return CheckResult(name=what, ok=False, message=said, remedy=remedy)


def _inbox(settings: Settings) -> str:
    """Readable; written to only where it is emptied. Whoever may write into its root may write businesses.yaml."""
    store = open_store(settings.inbox)
    if isinstance(store, FolderStore):
        if not store.root.is_dir():
            raise LaunchdropError(f"{store.url}: there is no such folder")
        probes.check_not_world_writable(store.root)
    count = sum(1 for entry in store.children() if entry.kind == "folder" and not entry.key.startswith(("_", ".")))
    if settings.after_intake == "empty" or settings.keep_inbox is not None:
        check_conditional_writes(store)
    return f"{store.url}: readable, {count} businesses have a folder"


def _reports(settings: Settings) -> str:
    return _store(open_store(settings.reports))


def _archive(settings: Settings) -> str:
    return _store(open_store(settings.archive))


def _store(store: Store) -> str:
    """Writes, reads and deletes a small object, and sees that a second create is refused."""
    try:
        check_conditional_writes(store)
    except StoreError as e:
        raise LaunchdropError(f"{store.url} cannot be written to: {e}") from None
    free = store.free_bytes()
    if free is not None and free < LOW_SPACE_BYTES:
        said = f"{store.url}: {free >> 20} MiB free; a drop is taken only where it fits"
        raise (CheckWarning(said) if free > LOW_SPACE_BYTES // 10 else LaunchdropError(said))
    return f"{store.url}: writable, creates only once" + (f", {free >> 30} GiB free" if free is not None else "")


def _businesses(settings: Settings) -> str:
    from schemas.manifest.businesses_yaml import BusinessesError, parse_businesses

    content = read_object(open_store(settings.inbox), "businesses.yaml")
    if content is None:
        raise LaunchdropError(f"not found in {settings.inbox}")
    try:
        return f"{len(parse_businesses(content))} businesses"
    except BusinessesError as e:
        raise LaunchdropError(str(e)) from None


def _ledger(settings: Settings) -> str:
    Ledger.open(settings.ledger).close()
    return "reachable, its schema is this launchdrop's"


def _ledger_disk(settings: Settings) -> str:
    path = database_file(settings.ledger)
    if path is None:
        return "a server's"
    kind = probes.file_system_type(path)
    if kind in probes.NETWORK_FILE_SYSTEMS:
        raise LaunchdropError(f"{path} is on {kind}, a network file system")
    return f"{path} is on {kind}"


def _launching(settings: Settings) -> str:
    ledger = Ledger.open(settings.ledger)
    try:
        with ledger.read() as conn:
            stopped = get_launch_pause(conn)
    finally:
        ledger.close()
    if stopped:
        raise CheckWarning(f"paused since {stopped.at} by {stopped.by}: {stopped.why}")
    return "not paused"


def _carrier(settings: Settings) -> str:
    from flows.services import open_configured_carrier

    open_configured_carrier(settings).close()
    if settings.carrier == "http" and settings.http_url:
        return f"http: {probes.check_reachable(settings.http_url)}"
    return settings.carrier


def _list(settings: Settings) -> str:
    from flows.operator_files.do_not_originate import load_do_not_originate

    listed = load_do_not_originate(settings)
    return "none set" if listed is None else f"{len(listed)} numbers"


def _clocks(settings: Settings) -> str:
    clocks = {name: store.server_time() for name in ("inbox", "archive") if (store := open_store(getattr(settings, name)))}
    ledger = Ledger.open(settings.ledger)
    try:
        with ledger.read() as conn:
            clocks["ledger"] = database_now(conn)
    finally:
        ledger.close()
    if probes.prefect_api_url():
        clocks["Prefect server"] = probes.prefect_server_time()
    return probes.check_clocks({name: time for name, time in clocks.items() if time is not None})


def _zones(_settings: Settings) -> str:
    from zoneinfo import ZoneInfo

    return f"America/Chicago is at {datetime.now(UTC).astimezone(ZoneInfo('America/Chicago')):%H:%M %Z}"


def _events(settings: Settings) -> str:
    from flows.stores.arrival_hints import count_queued_events

    assert settings.events is not None
    return f"readable, about {count_queued_events(settings.events)} messages wait"


def _mail(settings: Settings) -> str:
    from flows.notifying.digest import configured_mail_server

    mail = configured_mail_server(settings)
    assert mail is not None
    return probes.check_mail_server(mail)


def _versions(_settings: Settings) -> str:
    return probes.check_versions()


def _server(_settings: Settings) -> str:
    url = probes.prefect_api_url()
    return probes.check_prefect_server() if url else "none set; `run` does without one, `serve` starts its own"


def _deployments(_settings: Settings) -> str:
    return probes.check_deployments()
