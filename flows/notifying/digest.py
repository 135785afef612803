"""The nightly digest for each business's contacts and for the operator: counts and links, never phone numbers."""

import logging
import re
import smtplib
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import make_msgid
from zoneinfo import ZoneInfo

from flows.arrival.inbox_problems import read_inbox_problems
from flows.ledger.core.engine import Ledger
from flows.ledger.read.digest import (
    BusinessDigest,
    DigestPosition,
    count_unknown_batches,
    read_business_digests,
    read_current_digest_position,
    read_last_digest_position,
    save_digest_position,
)
from flows.settings import Settings
from reports.formatting import format_date_time

log = logging.getLogger(__name__)

#: A contact that is a mail address. All others have a scheme and are Apprise URLs.
_MAIL_ADDRESS = re.compile(r"[^@\s:/]+@[^@\s:/]+")

_UTC = ZoneInfo("UTC")

#: How many businesses the operator's digest lists.
MAX_BUSINESSES_LISTED = 50


class DeliveryFailed(Exception):
    """A contact could not be reached. The text names it without anything that may be secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """The operator's SMTP server. With `starttls`, mail is sent only over TLS and after checking the server's name."""

    host: str
    port: int = 25
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: bool = True
    sender: str = "launchdrop@localhost"
    timeout: float = 30.0


def configured_mail_server(settings: Settings) -> MailServer | None:
    """The mail server in the settings. None: no mail is sent."""
    if settings.smtp_host is None:
        return None
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        starttls=settings.smtp_starttls,
        sender=settings.smtp_from,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestMessage:
    """A digest for one contact: a mail address or an Apprise URL."""

    to: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """How many messages were delivered, and one line for each that was not."""

    delivered: int
    failed: tuple[str, ...] = ()


def send_digest(
    ledger: Ledger, now: datetime, *, operator: Sequence[str], mail_server: MailServer | None, site_url: str | None
) -> DeliveryResult:
    """Send everybody a digest of what happened since the last one.

    `operator` lists the operator's contacts, `site_url` is where the reports are published. A contact that cannot be
    reached does not affect the others, and is not tried again before the next night. A business without news gets no
    message; the operator always gets one.
    """
    with ledger.read() as conn:
        since, end = read_last_digest_position(conn), read_current_digest_position(conn, now)
        digests, unknown = read_business_digests(conn, since, end), count_unknown_batches(conn)
        in_inbox = sum(problems.total for problems in read_inbox_problems(conn).values())
    with ledger.begin() as conn:
        # Before sending: if this is interrupted, losing some messages is better than sending all of them twice.
        save_digest_position(conn, end)
    messages = [message for digest in digests for message in business_messages(digest, since, now, site_url)]
    messages += operator_messages(digests, unknown, operator, since, now, site_url, inbox_problems=in_inbox)
    return deliver_messages(messages, mail_server)


def business_messages(
    digest: BusinessDigest, since: DigestPosition, now: datetime, site_url: str | None
) -> list[DigestMessage]:
    """The messages for a business's contacts. Empty if nothing happened and nothing waits."""
    if digest.quiet:
        return []
    header = f"{digest.legal_name}, {_period(since, now)}"
    body = [header, "", *_count_lines([digest]), "", _link(site_url, digest.business)]
    subject = f"launchdrop: {digest.business}, {_date(now)}{_waiting([digest])}"
    return [DigestMessage(to=contact, subject=subject, body="\n".join(body) + "\n") for contact in digest.contacts]


def operator_messages(
    digests: Sequence[BusinessDigest],
    unknown_batches: int,
    contacts: Sequence[str],
    since: DigestPosition,
    now: datetime,
    site_url: str | None,
    *,
    inbox_problems: int = 0,
) -> list[DigestMessage]:
    """The messages for the operator: totals of all businesses, then each business where something happened or waits."""
    busy = [digest for digest in digests if not digest.quiet]
    businesses = "1 business" if len(digests) == 1 else f"{len(digests):,} businesses"
    lines = [f"{businesses}, {_period(since, now)}", "", *_count_lines(digests)]
    if unknown_batches:
        lines.append(f"Batches with an unknown outcome at the carrier: {unknown_batches}; see `launchdrop show`")
    if inbox_problems:
        lines.append(f"Problems in the inbox: {inbox_problems:,}")
    if busy:
        lines += ["", *(f"{digest.business}: {_summary(digest)}" for digest in busy[:MAX_BUSINESSES_LISTED])]
    if len(busy) > MAX_BUSINESSES_LISTED:
        lines.append(f"and {len(busy) - MAX_BUSINESSES_LISTED} more of {len(busy)}")
    body = "\n".join([*lines, "", _link(site_url, "_operator")]) + "\n"
    subject = f"launchdrop: {_date(now)}{_waiting(digests)}"
    return [DigestMessage(to=contact, subject=subject, body=body) for contact in contacts]


def deliver_messages(messages: Iterable[DigestMessage], mail_server: MailServer | None) -> DeliveryResult:
    """Send each message. Failures are logged and returned, without secrets. Without a mail server no mail is sent."""
    delivered, failed = 0, []
    for message in messages:
        is_mail = _MAIL_ADDRESS.fullmatch(message.to) is not None
        if is_mail and mail_server is None:
            continue
        try:
            if is_mail and mail_server is not None:
                _send_mail(message, mail_server)
            else:
                _send_by_apprise(message)
            delivered += 1
        except DeliveryFailed as error:
            log.warning("digest: %s", error)
            failed.append(str(error))
    return DeliveryResult(delivered=delivered, failed=tuple(failed))


def _send_mail(message: DigestMessage, mail_server: MailServer) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = mail_server.sender, message.to, message.subject
    mail["Message-ID"] = make_msgid(domain=mail_server.sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.body)
    try:
        with connect_to_mail_server(mail_server) as server:
            server.send_message(mail)
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryFailed(f"{message.to}: {type(error).__name__} from the mail server") from error


@contextmanager
def connect_to_mail_server(mail_server: MailServer) -> Iterator[smtplib.SMTP]:
    """A connection to the mail server, encrypted and logged in as configured. Raises SMTPException or OSError."""
    with smtplib.SMTP(mail_server.host, mail_server.port, timeout=mail_server.timeout) as server:
        if mail_server.starttls:
            server.starttls(context=ssl.create_default_context())
        if mail_server.user is not None:
            server.login(mail_server.user, mail_server.password or "")
        yield server


def _send_by_apprise(message: DigestMessage) -> None:
    from apprise import Apprise  # loads a hundred channels

    scheme = message.to.partition("://")[0]
    channel = Apprise()
    if not channel.add(message.to):
        raise DeliveryFailed(f"contact {scheme[:20]}: neither a mail address nor an Apprise URL")
    if not channel.notify(title=message.subject, body=message.body):
        raise DeliveryFailed(f"contact {scheme[:20]}://…: the channel did not accept the message")


def _count_lines(digests: Sequence[BusinessDigest]) -> list[str]:
    """One line for each kind of event and of waiting item, without those that are zero, except for submissions."""
    verdicts = _sum_by_name(digests, "verdicts", ("accepted", "accepted_with_rejections", "held", "rejected"))
    rows = _sum_by_name(digests, "rows", ("accepted", "rejected"))
    states = _sum_by_name(digests, "states", ("live", "ended", "cancelled", "missed", "launch_failed"))
    lines = [f"Submissions: {_join_counts(verdicts)}"]
    if any(count for _, count in rows):
        lines.append(f"Rows: {_join_counts(rows)}")
    if any(count for _, count in states):
        lines.append(f"Programs: {_join_counts(states)}")
    for label, attribute in (
        ("Held, waiting for release", "held"),
        ("Display names and logos in review", "in_review"),
        ("Programs that missed their start or failed to launch", "stuck"),
        ("Numbers refused at launch, in total", "refused"),
    ):
        if total := sum(getattr(digest, attribute) for digest in digests):
            lines.append(f"{label}: {total:,}")
    return lines


def _sum_by_name(digests: Sequence[BusinessDigest], attribute: str, names: tuple[str, ...]) -> list[tuple[str, int]]:
    return [
        (name.replace("_", " "), sum(getattr(digest, attribute).get(name, 0) for digest in digests)) for name in names
    ]


def _join_counts(counts: list[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts if count) or "none"


def _summary(digest: BusinessDigest) -> str:
    submissions = sum(digest.verdicts.values())
    counts = [
        ("submission" if submissions == 1 else "submissions", submissions),
        ("live", digest.states.get("live", 0)),
    ]
    counts += [("held", digest.held), ("in review", digest.in_review), ("missed or failed", digest.stuck)]
    return ", ".join(f"{count:,} {name}" for name, count in counts if count) or "other changes"


def _waiting(digests: Sequence[BusinessDigest]) -> str:
    waiting = sum(digest.held + digest.stuck for digest in digests)
    return f": {waiting:,} waiting" if waiting else ""


def _period(since: DigestPosition, now: datetime) -> str:
    start = format_date_time(since.at, _UTC) if since.at else "the beginning"
    return f"from {start} to {format_date_time(now, _UTC)}"


def _date(now: datetime) -> str:
    return f"{now:%b} {now.day}, {now.year}"


def _link(site_url: str | None, folder: str) -> str:
    return f"Details: {site_url.rstrip('/') + '/' if site_url else ''}{folder}/index.html"
