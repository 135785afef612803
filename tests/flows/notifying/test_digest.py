"""The nightly digest, against a real SMTP server and a real web hook."""

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
from flows.notifying.digest import Letter, Mail, Sent, for_business, for_operator, send, send_digest
from tests.flows.launching.programs import ledger_at, manifest, numbers, registered

# apprise loads all its channels at once; one of its dependencies still imports this.
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


class Box:
    """Keeps what arrives; refuses one recipient."""

    def __init__(self):
        self.messages = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802  aiosmtpd's name for it
        if address.startswith("gone@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  as above
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append(SimpleNamespace(mail=parsed, to=envelope.rcpt_tos, encrypted=session.ssl is not None))
        return "250 OK"


class OnAnyPort(Controller):
    """Listens on a port of the system's choice."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def box():
    return Box()


@pytest.fixture
def server(box):
    controller = OnAnyPort(box, hostname="127.0.0.1", port=0)
    controller.start()
    yield controller
    controller.stop()


def plain(server, **options):
    return Mail(host="127.0.0.1", port=server.port, starttls=False, timeout=5, **options)


def test_a_business_reads_counts_and_a_link():
    letter, other = for_business(BUSY, SINCE, NOW, "https://drops.example/")
    assert (letter.to, other.to) == BUSY.contacts
    assert letter.subject == "launchdrop: acme-bank, 2027-01-04: 1 waiting"
    assert letter.body == (
        "Acme Bank, N.A., from 2027-01-03 02:00 to 2027-01-04 02:00 UTC\n"
        "\n"
        "Submissions: 2 accepted, 1 accepted with rejections\n"
        "Rows: 1,200 accepted, 14 rejected\n"
        "Programs: 2 live, 1 launch failed\n"
        "Display names and logos in review: 1\n"
        "Programs that missed their start or failed to launch: 1\n"
        "Numbers that the carrier refused, in all: 3\n"
        "\n"
        "All of it: https://drops.example/acme-bank/index.html\n"
    )


def test_a_quiet_business_gets_no_letter_and_the_operator_always_one():
    assert for_business(QUIET, SINCE, NOW, None) == []
    (letter,) = for_operator([QUIET], 0, ["op@launch.example"], DigestPosition(), NOW, None)
    assert letter.body == (
        "1 businesses, from the beginning to 2027-01-04 02:00 UTC\n"
        "\n"
        "Submissions: none\n"
        "\n"
        "All of it: _operator/index.html\n"
    )


def test_the_operator_reads_of_all_and_of_batches_whose_fate_is_unknown():
    (letter,) = for_operator([BUSY, QUIET] + [BUSY] * 60, 2, ["op@launch.example"], SINCE, NOW, None)
    assert "Batches whose fate at the carrier is unknown: 2" in letter.body
    assert "acme-bank: 3 submissions, 2 live, 1 in review, 1 missed or failed" in letter.body
    assert "and 11 more of 61" in letter.body


def test_mail_arrives(server, box):
    letters = for_business(BUSY, SINCE, NOW, None)[:1]
    assert send(letters, plain(server, sender="drops@launch.example")).letters == 1
    (message,) = box.messages
    assert message.to == ["ops@acme.example"]
    assert message.mail["subject"] == "launchdrop: acme-bank, 2027-01-04: 1 waiting"
    assert message.mail["from"] == "drops@launch.example"
    assert message.mail.get_content().replace("\r\n", "\n") == letters[0].body


def test_one_contact_that_fails_keeps_no_other_from_theirs(server, box):
    letters = [Letter(to=to, subject="s", body="b") for to in ("gone@acme.example", "here@acme.example")]
    sent = send(letters, plain(server))
    assert sent.letters == 1
    assert sent.undelivered == ("gone@acme.example: SMTPRecipientsRefused from the mail server",)
    assert [m.to for m in box.messages] == [["here@acme.example"]]


def test_without_encryption_on_offer_nothing_is_sent(server, box):
    mail = Mail(host="127.0.0.1", port=server.port, timeout=5)
    sent = send([Letter(to="a@b.example", subject="s", body="b")], mail)
    assert sent.undelivered == ("a@b.example: SMTPNotSupportedError from the mail server",)
    assert box.messages == []


def test_starttls_with_a_name_that_is_checked(box, tmp_path, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = self_signed(tmp_path)
    context.load_cert_chain(certificate)
    controller = OnAnyPort(box, hostname="127.0.0.1", port=0, tls_context=context, require_starttls=True)
    controller.start()
    try:
        letter = Letter(to="a@b.example", subject="s", body="b")
        mail = Mail(host="localhost", port=controller.port, timeout=5)
        assert send([letter], mail).undelivered == ("a@b.example: SSLCertVerificationError from the mail server",)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert send([letter], mail).letters == 1
        assert box.messages[0].encrypted
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


def test_other_channels_go_by_apprise():
    taken = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_): ...

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        letter = Letter(to=f"json://127.0.0.1:{server.server_port}/secret", subject="s", body="b")
        assert send([letter], None).letters == 1
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (taken[0]["title"], taken[0]["message"]) == ("s", "b")


def test_without_a_mail_server_no_mail_is_sent():
    assert send([Letter(to="a@b.example", subject="s", body="b")], None) == Sent(letters=0)


def test_a_channel_that_fails_is_named_without_its_secrets():
    letters = [Letter(to=to, subject="s", body="b") for to in ("json://127.0.0.1:9/secret", "nonsense")]
    assert send(letters, None).undelivered == (
        "a contact by json: the channel did not take it",
        "a contact by nonsense: neither a mail address nor an Apprise URL",
    )


def test_a_night_is_told_once(tmp_path, server, box):
    ledger = ledger_at(tmp_path)
    registered(ledger, manifest(), numbers(5))
    try:
        told = [send_digest(ledger, NOW, operator=["op@x.example"], mail=plain(server), site=None) for _ in range(2)]
    finally:
        ledger.close()
    assert [sent.letters for sent in told] == [2, 1]
    business, operator, again = (m.mail.get_content() for m in box.messages)
    assert "Submissions: 1 accepted\r\nRows: 5 accepted" in business
    assert "acme-bank: 1 submissions" in operator
    assert "Submissions: none" in again
    assert "50121" not in business + operator
