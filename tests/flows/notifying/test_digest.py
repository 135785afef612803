"""The nightly digest, with a real SMTP server and a real webhook."""

import email
import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from flows.ledger.read.digest import BusinessDigest, DigestPosition
from flows.notifying.digest import (
    DeliveryResult,
    DigestMessage,
    MailServer,
    business_messages,
    deliver_messages,
    operator_messages,
    send_digest,
)
from tests.flows.launching.programs import make_manifest, make_numbers, open_ledger, register_program

# Apprise loads all its channels at once, and one of them still imports this module.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOW = datetime(2027, 1, 4, 2, tzinfo=UTC)
SINCE = DigestPosition(at=NOW - timedelta(days=1))
BUSY = BusinessDigest(
    business="acme-bank",
    legal_name="Acme Bank, N.A.",
    contacts=("ops@acme.example", "json://127.0.0.1"),
    verdicts={"accepted": 2, "accepted_with_rejections": 1},
    rows={"accepted": 1200, "rejected": 14},
    states={"live": 2, "launch_failed": 1},
    refused=3,
    held=0,
    in_review=1,
    stuck=1,
)
QUIET = BusinessDigest(
    business="quiet",
    legal_name="Quiet",
    contacts=("q@quiet.example",),
    verdicts={},
    rows={},
    states={},
    refused=0,
    held=0,
    in_review=0,
    stuck=0,
)


class Mailbox:
    """Keeps the messages that arrive. Refuses recipients named `gone`."""

    def __init__(self):
        self.messages = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802  the name is aiosmtpd's
        if address.startswith("gone@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  as above
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append(SimpleNamespace(mail=parsed, to=envelope.rcpt_tos, encrypted=session.ssl is not None))
        return "250 OK"


class AnyPortController(Controller):
    """Listens on a port that the system chooses."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def server(mailbox):
    controller = AnyPortController(mailbox, hostname="127.0.0.1", port=0)
    controller.start()
    yield controller
    controller.stop()


def unencrypted(server, **options):
    return MailServer(host="127.0.0.1", port=server.port, starttls=False, timeout=5, **options)


def test_a_business_gets_counts_and_a_link():
    first, second = business_messages(BUSY, SINCE, NOW, "https://drops.example/")
    assert (first.to, second.to) == BUSY.contacts
    assert first.subject == "launchdrop: acme-bank, Jan 4, 2027: 1 waiting"
    assert first.body == (
        "Acme Bank, N.A., from Jan 3, 2027, 2:00 AM UTC to Jan 4, 2027, 2:00 AM UTC\n"
        "\n"
        "Submissions: 2 accepted, 1 accepted with rejections\n"
        "Rows: 1,200 accepted, 14 rejected\n"
        "Programs: 2 live, 1 launch failed\n"
        "Display names and logos in review: 1\n"
        "Programs that missed their start or failed to launch: 1\n"
        "Numbers refused at launch, in total: 3\n"
        "\n"
        "Details: https://drops.example/acme-bank/index.html\n"
    )


def test_a_business_without_news_gets_no_message_but_the_operator_always_does():
    assert business_messages(QUIET, SINCE, NOW, None) == []
    (message,) = operator_messages([QUIET], 0, ["op@launch.example"], DigestPosition(), NOW, None)
    assert "inbox" not in message.body
    (message,) = operator_messages([QUIET], 0, ["op@launch.example"], DigestPosition(), NOW, None, inbox_problems=2)
    assert "Problems in the inbox: 2\n" in message.body
    (message,) = operator_messages([QUIET], 0, ["op@launch.example"], DigestPosition(), NOW, None)
    assert message.body == (
        "1 business, from the beginning to Jan 4, 2027, 2:00 AM UTC\n"
        "\n"
        "Submissions: none\n"
        "\n"
        "Details: _operator/index.html\n"
    )


def test_the_operator_gets_all_businesses_and_batches_with_an_unknown_outcome():
    (message,) = operator_messages([BUSY, QUIET] + [BUSY] * 60, 2, ["op@launch.example"], SINCE, NOW, None)
    assert "Batches with an unknown outcome at the carrier: 2" in message.body
    assert "acme-bank: 3 submissions, 2 live, 1 in review, 1 missed or failed" in message.body
    assert "and 11 more of 61" in message.body


def test_mail_arrives(server, mailbox):
    messages = business_messages(BUSY, SINCE, NOW, None)[:1]
    assert deliver_messages(messages, unencrypted(server, sender="drops@launch.example")).delivered == 1
    (message,) = mailbox.messages
    assert message.to == ["ops@acme.example"]
    assert message.mail["subject"] == "launchdrop: acme-bank, Jan 4, 2027: 1 waiting"
    assert message.mail["from"] == "drops@launch.example"
    assert message.mail.get_content().replace("\r\n", "\n") == messages[0].body


def test_a_contact_that_fails_does_not_affect_the_others(server, mailbox):
    messages = [DigestMessage(to=to, subject="s", body="b") for to in ("gone@acme.example", "here@acme.example")]
    sent = deliver_messages(messages, unencrypted(server))
    assert sent.delivered == 1
    assert sent.failed == ("gone@acme.example: SMTPRecipientsRefused from the mail server",)
    assert [m.to for m in mailbox.messages] == [["here@acme.example"]]


def test_nothing_is_sent_if_the_server_offers_no_encryption(server, mailbox):
    mail = MailServer(host="127.0.0.1", port=server.port, timeout=5)
    sent = deliver_messages([DigestMessage(to="a@b.example", subject="s", body="b")], mail)
    assert sent.failed == ("a@b.example: SMTPNotSupportedError from the mail server",)
    assert mailbox.messages == []


def test_starttls_checks_the_server_s_name(mailbox, tmp_path, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = self_signed(tmp_path)
    context.load_cert_chain(certificate)
    controller = AnyPortController(mailbox, hostname="127.0.0.1", port=0, tls_context=context, require_starttls=True)
    controller.start()
    try:
        message = DigestMessage(to="a@b.example", subject="s", body="b")
        mail = MailServer(host="localhost", port=controller.port, timeout=5)
        assert deliver_messages([message], mail).failed == (
            "a@b.example: SSLCertVerificationError from the mail server",
        )
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert deliver_messages([message], mail).delivered == 1
        assert mailbox.messages[0].encrypted
    finally:
        controller.stop()


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    begun = datetime.now(UTC) - timedelta(days=1)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begun)
        .not_valid_after(begun + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "localhost.pem"
    pem, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(encoding, pem, serialization.NoEncryption()) + built.public_bytes(encoding))
    return path


def test_other_channels_use_apprise():
    received = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_): ...

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        message = DigestMessage(to=f"json://127.0.0.1:{server.server_port}/secret", subject="s", body="b")
        assert deliver_messages([message], None).delivered == 1
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (received[0]["title"], received[0]["message"]) == ("s", "b")


def test_without_a_mail_server_no_mail_is_sent():
    assert deliver_messages([DigestMessage(to="a@b.example", subject="s", body="b")], None) == DeliveryResult(
        delivered=0
    )


def test_an_error_names_a_channel_without_its_secrets():
    messages = [DigestMessage(to=to, subject="s", body="b") for to in ("json://127.0.0.1:9/secret", "nonsense")]
    assert deliver_messages(messages, None).failed == (
        "contact json://…: the channel did not accept the message",
        "contact nonsense: neither a mail address nor an Apprise URL",
    )


def test_each_change_is_in_one_digest_only(tmp_path, server, mailbox):
    ledger = open_ledger(tmp_path)
    register_program(ledger, make_manifest(), make_numbers(5))
    try:
        sent_digests = [
            send_digest(ledger, NOW, operator=["op@x.example"], mail_server=unencrypted(server), site_url=None)
            for _ in range(2)
        ]
    finally:
        ledger.close()
    assert [sent.delivered for sent in sent_digests] == [2, 1]
    business, operator, again = (m.mail.get_content() for m in mailbox.messages)
    assert "Submissions: 1 accepted\r\nRows: 5 accepted" in business
    assert "acme-bank: 1 submission" in operator
    assert "Submissions: none" in again
    assert "50121" not in business + operator
