"""The operator's own endpoint: JSON over HTTP, described in http.openapi.yaml in this folder.

Every request is signed by the Standard Webhooks scheme (https://www.standardwebhooks.com). Every change has an
Idempotency-Key, and the endpoint promises that a repeat with the same key has no further effect.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

from standardwebhooks.webhooks import Webhook

from flows.carriers import Branding, CarrierNumber, CarrierProgram, CarrierUnsure, FoundProgram, Refusal, clean_reason
from flows.carriers.calls import (
    REFUSALS,
    Call,
    ConnectionOptions,
    check_address,
    format_e164,
    ignore_answer,
    open_connection,
    parse_e164,
)

T = TypeVar("T")

#: As in http.openapi.yaml.
_MAX_ID_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions(ConnectionOptions):
    """Settings of this carrier. `secret` is a Standard Webhooks secret: "whsec_" and base64.

    Invalid ones raise ValueError, whose message does not contain the secret.
    """

    url: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        check_address(self.url)
        if not _is_webhook_secret(self.secret):
            raise ValueError("the carrier's secret: expected whsec_ and base64")


def _is_webhook_secret(secret: str) -> bool:
    """Whether this is a secret of Standard Webhooks. Their library also takes base64 alone, which any typo may be."""
    try:
        Webhook(secret)
    except Exception:  # the library raises several kinds of error, whose messages may contain the secret
        return False
    return secret.startswith("whsec_")


class HttpCarrier:
    """A carrier that implements http.openapi.yaml."""

    honors_keys = True
    embedded = False

    def __init__(self, options: HttpOptions, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._webhook = Webhook(options.secret)
        self._clock = clock
        self._connection = open_connection(options.url, options)

    def cooldown_left(self) -> float:
        return self._connection.cooldown_left()

    def find(self, program: CarrierProgram, numbers: Sequence[int] = ()) -> FoundProgram | None:
        name = {"business": program.business, "reference": program.reference}
        body = name | {"numbers": [format_e164(number) for number in numbers]}
        parse = partial(_parse_found, numbers)
        return self._send("POST", "programs/lookup", body, parse, key=None, refusals=frozenset())

    def create(self, program: CarrierProgram, *, key: str) -> str:
        # No program can be missing yet, so a 404 means a wrong address, not a refusal.
        return self._send("POST", "programs", _program_body(program), _parse_id, key=key, refusals=REFUSALS - {404})

    def update(self, id: str, program: CarrierProgram, *, key: str) -> None:
        self._send("PUT", _path(id), _program_body(program), ignore_answer, key=key)

    def add_numbers(self, id: str, numbers: Sequence[CarrierNumber], *, key: str) -> tuple[Refusal, ...]:
        entries = [{"phone_number": format_e164(number), "call_purpose": purpose} for number, purpose in numbers]
        sent = frozenset(number for number, _ in numbers)
        return self._send("POST", _path(id, "numbers"), {"numbers": entries}, partial(_parse_refusals, sent), key=key)

    def remove_numbers(self, id: str, numbers: Sequence[int], *, key: str) -> None:
        body = {"numbers": [format_e164(number) for number in numbers]}
        self._send("POST", _path(id, "numbers", "remove"), body, ignore_answer, key=key)

    def set_branding(self, id: str, branding: Branding | None, *, key: str) -> None:
        self._send("PUT", _path(id, "branding"), {"branding": _branding_body(branding)}, ignore_answer, key=key)

    def end(self, id: str, program: CarrierProgram, *, key: str) -> None:  # noqa: ARG002  the id is enough here
        self._send("POST", _path(id, "end"), {}, ignore_answer, key=key)

    def close(self) -> None:
        self._connection.close()

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        parse: Callable[[Any], T],
        *,
        key: str | None,
        refusals: frozenset[int] = REFUSALS,
    ) -> T:
        call = Call(
            method=method,
            path=path,
            body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
            effect="keyed" if key else "none",
            sign=partial(self._sign, key),
            refusals=refusals,
        )
        return self._connection.send(call, parse)

    def _sign(self, key: str | None, body: bytes) -> dict[str, str]:
        """The headers for one try. All tries of a change have the same id, so the receiver can recognize repeats."""
        id, now = key or uuid4().hex, self._clock()
        headers = {
            "webhook-id": id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(id, now, body.decode()),
        }
        return headers | ({"idempotency-key": key} if key else {})


def _program_body(program: CarrierProgram) -> dict[str, Any]:
    return {
        "business": program.business,
        "reference": program.reference,
        "business_unit": program.business_unit,
        "type": program.type,
        "name": program.name,
        "call_purpose": program.call_purpose,
        "description": program.description,
        "schedule": {
            "start": _format_utc(program.start),
            "end": _format_utc(program.end),
            "timezone": program.timezone,
        },
    }


def _branding_body(branding: Branding | None) -> dict[str, Any] | None:
    if branding is None:
        return None
    logo = branding.logo
    return {
        "display": branding.display_name.display,
        "shorthand": branding.display_name.shorthand,
        "logo": logo and {"sha256": logo.sha256, "svg": base64.b64encode(logo.svg).decode()},
        "call_reason": branding.call_reason,
    }


def _format_utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _path(id: str, *below: str) -> str:
    return "/".join(("programs", quote(id, safe=""), *below))


def _parse_id(answer: Any) -> str:
    id: str = _field(answer, "id", str)
    if id.isprintable() and 0 < len(id) <= _MAX_ID_LENGTH:
        return id
    raise CarrierUnsure("the carrier's answer has no valid id")


def _parse_found(requested: Sequence[int], answer: Any) -> FoundProgram | None:
    if isinstance(answer, dict) and "id" in answer and answer["id"] is None:
        return None
    present = frozenset(parse_e164(text, "the carrier") for text in _field(answer, "numbers", list))
    return FoundProgram(id=_parse_id(answer), numbers=present & frozenset(requested))


def _parse_refusals(sent: frozenset[int], answer: Any) -> tuple[Refusal, ...]:
    refusals = (_parse_refusal(entry) for entry in _field(answer, "refused", list))
    return tuple(refusal for refusal in refusals if refusal.number in sent)


def _parse_refusal(entry: object) -> Refusal:
    reason = clean_reason(_field(entry, "reason", str)) or "no reason given"
    return Refusal(parse_e164(_field(entry, "phone_number", str), "the carrier"), reason)


def _field(answer: object, name: str, kind: Any) -> Any:
    """A field of an answer. Raises CarrierUnsure if it is missing or has another type."""
    if isinstance(answer, dict) and isinstance(answer.get(name), kind):
        return answer[name]
    raise CarrierUnsure(f"the carrier's answer has no valid {name}")
