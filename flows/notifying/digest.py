"""The nightly digest: to each business's contacts and to the operator, counts and links, never numbers."""

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

log = logging.getLogger(__name__)

#: What is sent to as mail; everything else with a scheme is an Apprise URL.
_ADDRESS = re.compile(r"[^@\s:/]+@[^@\s:/]+")

#: Businesses that the operator's digest names one by one.
NAMED = 50


class Undelivered(Exception):
    """A contact could not be reached; the text names it without what may be secret in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """The operator's SMTP server. With `starttls` nothing is sent before the line is encrypted and its name checked."""

    host: str
    port: int = 25
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: bool = True
    sender: str = "launchdrop@localhost"
    timeout: float = 30.0


def mail_of(settings: Settings) -> Mail | None:
    """The mail server that is set; None: no mail is sent."""
    if settings.smtp_host is None:
        return None
    return Mail(
        host=settings.smtp_host,
        port=settings.smtp_port,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        starttls=settings.smtp_starttls,
        sender=settings.smtp_from,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One text for one contact: a mail address or an Apprise URL."""

    to: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How many letters went out, and which did not, each with its reason."""

    letters: int
    undelivered: tuple[str, ...] = ()


def send_digest(ledger: Ledger, now: datetime, *, operator: Sequence[str], mail: Mail | None, site: str | None) -> Sent:
    """Tell everybody of what happened since the last digest, once.

    `site` is where the reports are published, for links. A contact that cannot be reached does not keep the others
    from theirs, and is not tried again before the next night. A quiet business gets no letter; the operator always one.
    """
    with ledger.read() as conn:
        since, end = read_last_digest_position(conn), read_current_digest_position(conn, now)
        found, unknown = read_business_digests(conn, since, end), count_unknown_batches(conn)
    with ledger.begin() as conn:
        # Before sending: a digest that was cut short is better lost in part than sent to everybody twice.
        save_digest_position(conn, end)
    letters = [letter for night in found for letter in for_business(night, since, now, site)]
    return send([*letters, *for_operator(found, unknown, operator, since, now, site)], mail)


def for_business(night: BusinessDigest, since: DigestPosition, now: datetime, site: str | None) -> list[Letter]:
    """The letters to a business's contacts; none when all is quiet."""
    if night.quiet:
        return []
    body = [f"{night.legal_name}, {_span(since, now)}", "", *_counts([night]), "", _link(site, night.business)]
    subject = f"launchdrop: {night.business}, {now:%Y-%m-%d}{_urgent([night])}"
    return [Letter(to=contact, subject=subject, body="\n".join(body) + "\n") for contact in night.contacts]


def for_operator(
    found: Sequence[BusinessDigest], unknown: int, contacts: Sequence[str], since: DigestPosition, now: datetime, site: str | None
) -> list[Letter]:
    """The letters to the operator: all businesses together, then those where something happened or waits."""
    busy = [night for night in found if not night.quiet]
    lines = [f"{len(found)} businesses, {_span(since, now)}", "", *_counts(found)]
    if unknown:
        lines.append(f"Batches whose fate at the carrier is unknown: {unknown}; see `launchdrop show`")
    if busy:
        lines += ["", *(f"{night.business}: {_short(night)}" for night in busy[:NAMED])]
    if len(busy) > NAMED:
        lines.append(f"and {len(busy) - NAMED} more of {len(busy)}")
    body = "\n".join([*lines, "", _link(site, "_operator")]) + "\n"
    subject = f"launchdrop: {now:%Y-%m-%d}{_urgent(found)}"
    return [Letter(to=contact, subject=subject, body=body) for contact in contacts]


def send(letters: Iterable[Letter], mail: Mail | None) -> Sent:
    """Send each; those that fail are told of, and logged, without secrets. Without a mail server no mail is sent."""
    count, failed = 0, []
    for letter in letters:
        if mail is None and _ADDRESS.fullmatch(letter.to):
            continue
        try:
            _send(letter, mail)
            count += 1
        except Undelivered as error:
            log.warning("digest: %s", error)
            failed.append(str(error))
    return Sent(letters=count, undelivered=tuple(failed))


def _send(letter: Letter, mail: Mail | None) -> None:
    if mail is not None and _ADDRESS.fullmatch(letter.to):
        _post(letter, mail)
    else:
        _notify(letter)


def _post(letter: Letter, mail: Mail) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender, letter.to, letter.subject
    message["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    try:
        with reached(mail) as server:
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        raise Undelivered(f"{letter.to}: {type(error).__name__} from the mail server") from error


@contextmanager
def reached(mail: Mail) -> Iterator[smtplib.SMTP]:
    """The mail server, ready to be handed a message. Raises SMTPException or OSError."""
    with smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout) as server:
        if mail.starttls:
            server.starttls(context=ssl.create_default_context())
        if mail.user is not None:
            server.login(mail.user, mail.password or "")
        yield server


def _notify(letter: Letter) -> None:
    from apprise import Apprise  # a hundred channels; imported only where one is used

    scheme = letter.to.partition("://")[0]
    channel = Apprise()
    if not channel.add(letter.to):
        raise Undelivered(f"a contact by {scheme[:20]}: neither a mail address nor an Apprise URL")
    if not channel.notify(title=letter.subject, body=letter.body):
        raise Undelivered(f"a contact by {scheme[:20]}: the channel did not take it")


def _counts(found: Sequence[BusinessDigest]) -> list[str]:
    """What happened and what waits, a line each; nothing that is zero but the first line."""
    verdicts = _sums(found, "verdicts", ("accepted", "accepted_with_rejections", "held", "rejected"))
    rows = _sums(found, "rows", ("accepted", "rejected"))
    states = _sums(found, "states", ("live", "ended", "cancelled", "missed", "launch_failed"))
    lines = [f"Submissions: {_listed(verdicts)}"]
    if any(count for _, count in rows):
        lines.append(f"Rows: {_listed(rows)}")
    if any(count for _, count in states):
        lines.append(f"Programs: {_listed(states)}")
    for label, waiting in (
        ("Held, waiting for a release", "held"),
        ("Display names and logos in review", "in_review"),
        ("Programs that missed their start or failed to launch", "stuck"),
        ("Numbers that the carrier refused, in all", "refused"),
    ):
        if total := sum(getattr(night, waiting) for night in found):
            lines.append(f"{label}: {total:,}")
    return lines


def _sums(found: Sequence[BusinessDigest], what: str, names: tuple[str, ...]) -> list[tuple[str, int]]:
    return [(name.replace("_", " "), sum(getattr(night, what).get(name, 0) for night in found)) for name in names]


def _listed(counts: list[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts if count) or "none"


def _short(night: BusinessDigest) -> str:
    parts = [(sum(night.verdicts.values()), "submissions"), (night.states.get("live", 0), "live")]
    parts += [(night.held, "held"), (night.in_review, "in review"), (night.stuck, "missed or failed")]
    return ", ".join(f"{count:,} {name}" for count, name in parts if count) or "moves only"


def _urgent(found: Sequence[BusinessDigest]) -> str:
    waiting = sum(night.held + night.stuck for night in found)
    return f": {waiting:,} waiting" if waiting else ""


def _span(since: DigestPosition, now: datetime) -> str:
    begun = f"from {since.at:%Y-%m-%d %H:%M}" if since.at else "from the beginning"
    return f"{begun} to {now:%Y-%m-%d %H:%M} UTC"


def _link(site: str | None, folder: str) -> str:
    return f"All of it: {site.rstrip('/') + '/' if site else ''}{folder}/index.html"
