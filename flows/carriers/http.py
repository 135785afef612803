"""The operator's own endpoint: JSON over HTTP, described in http.openapi.yaml beside this module.

Every request is signed by the Standard Webhooks scheme (https://www.standardwebhooks.com), every change carries an
Idempotency-Key, and the endpoint promises that a repeat under the same key changes nothing more.
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
from flows.carriers.breaker import shared_breaker
from flows.carriers.calls import REFUSALS, Call, CarrierConnection, RetryPolicy, is_http_url, open_http_client

T = TypeVar("T")

#: As in http.openapi.yaml.
_ID_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Settings of this carrier. `secret` is a Standard Webhooks secret, "whsec_" and base64; seconds elsewhere.

    `rest` is how long a carrier that failed is left alone at first. Wrong ones raise ValueError, without the secret.
    """

    url: str
    secret: str = field(repr=False)
    timeout: float = 10.0
    tries: int = 4
    first_wait: float = 0.2
    longest_wait: float = 5.0
    rest: float = 5.0

    def __post_init__(self) -> None:
        check_address(self.url)
        try:
            Webhook(self.secret)
        except Exception:  # the library's own error would show the secret; this one must not
            raise ValueError("the carrier's secret: expected whsec_ and base64") from None

    def patience(self) -> RetryPolicy:
        return RetryPolicy(
            timeout=self.timeout, tries=self.tries, first_wait=self.first_wait, longest_wait=self.longest_wait
        )


def check_address(url: str) -> None:
    """Raises ValueError unless `url` is an http or https address with a host and without a password in it."""
    if not is_http_url(url):
        raise ValueError("the carrier's address: expected https://host/path, without user and password")


def utc_now() -> datetime:
    return datetime.now(UTC)


class HttpCarrier:
    """A carrier behind the published interface."""

    honors_keys = True
    embedded = False

    def __init__(self, options: HttpOptions, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._webhook = Webhook(options.secret)
        self._clock = clock
        self._line = CarrierConnection(
            client=open_http_client(options.url, options.patience()),
            breaker=shared_breaker(options.url, options.rest),
            patience=options.patience(),
        )

    def cooldown_left(self) -> float:
        return self._line.breaker.left()

    def find(self, program: CarrierProgram, numbers: Sequence[int] = ()) -> FoundProgram | None:
        names = {"business": program.business, "reference": program.reference}
        body = names | {"numbers": [_e164(number) for number in numbers]}
        return self._ask("POST", "programs/lookup", body, partial(_found, numbers), key=None, refusals=frozenset())

    def create(self, program: CarrierProgram, *, key: str) -> str:
        # A 404 here is a wrong address: there is no program yet that could be missing.
        return self._ask("POST", "programs", _facts(program), _id, key=key, refusals=REFUSALS - {404})

    def update(self, id: str, program: CarrierProgram, *, key: str) -> None:
        self._ask("PUT", _path(id), _facts(program), _nothing, key=key)

    def add_numbers(self, id: str, numbers: Sequence[CarrierNumber], *, key: str) -> tuple[Refusal, ...]:
        entries = [{"phone_number": _e164(number), "call_purpose": purpose} for number, purpose in numbers]
        sent = frozenset(number for number, _ in numbers)
        return self._ask("POST", _path(id, "numbers"), {"numbers": entries}, partial(_refusals, sent), key=key)

    def remove_numbers(self, id: str, numbers: Sequence[int], *, key: str) -> None:
        body = {"numbers": [_e164(number) for number in numbers]}
        self._ask("POST", _path(id, "numbers", "remove"), body, _nothing, key=key)

    def set_branding(self, id: str, branding: Branding | None, *, key: str) -> None:
        self._ask("PUT", _path(id, "branding"), {"branding": _branding(branding)}, _nothing, key=key)

    def end(self, id: str, program: CarrierProgram, *, key: str) -> None:  # noqa: ARG002  the id says it all here
        self._ask("POST", _path(id, "end"), {}, _nothing, key=key)

    def close(self) -> None:
        self._line.client.close()

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        read: Callable[[Any], T],
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
        return self._line.ask(call, read)

    def _sign(self, key: str | None, body: bytes) -> dict[str, str]:
        """The headers of one try: the same id for each try of a change, so that a receiver may drop repeats by it."""
        id, now = key or uuid4().hex, self._clock()
        headers = {
            "webhook-id": id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(id, now, body.decode()),
        }
        return headers | ({"idempotency-key": key} if key else {})


def _facts(program: CarrierProgram) -> dict[str, Any]:
    return {
        "business": program.business,
        "reference": program.reference,
        "business_unit": program.business_unit,
        "type": program.type,
        "name": program.name,
        "call_purpose": program.call_purpose,
        "description": program.description,
        "schedule": {
            "start": _instant(program.start),
            "end": _instant(program.end),
            "timezone": program.timezone,
        },
    }


def _branding(branding: Branding | None) -> dict[str, Any] | None:
    if branding is None:
        return None
    logo = branding.logo
    return {
        "display": branding.display_name.display,
        "shorthand": branding.display_name.shorthand,
        "logo": logo and {"sha256": logo.sha256, "svg": base64.b64encode(logo.svg).decode()},
        "call_reason": branding.call_reason,
    }


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _e164(number: int) -> str:
    return f"+1{number:010d}"


def _number(text: object) -> int:
    if isinstance(text, str) and len(text) == 12 and text.startswith("+1") and text[1:].isdecimal():
        return int(text[2:])
    raise CarrierUnsure("the carrier's answer names a number that is not +1 and ten digits")


def _path(id: str, *below: str) -> str:
    return "/".join(("programs", quote(id, safe=""), *below))


def _nothing(answer: Any) -> None:
    """The answer to a change that has nothing to tell."""


def _id(answer: Any) -> str:
    id: str = _field(answer, "id", str)
    if id.isprintable() and 0 < len(id) <= _ID_LENGTH:
        return id
    raise CarrierUnsure("the carrier's answer has no id as agreed")


def _found(asked: Sequence[int], answer: Any) -> FoundProgram | None:
    if isinstance(answer, dict) and "id" in answer and answer["id"] is None:
        return None
    present = frozenset(_number(text) for text in _field(answer, "numbers", list))
    return FoundProgram(id=_id(answer), numbers=present & frozenset(asked))


def _refusals(sent: frozenset[int], answer: Any) -> tuple[Refusal, ...]:
    refusals = (_refusal(entry) for entry in _field(answer, "refused", list))
    return tuple(refusal for refusal in refusals if refusal.number in sent)


def _refusal(entry: object) -> Refusal:
    reason = clean_reason(_field(entry, "reason", str)) or "no reason given"
    return Refusal(_number(_field(entry, "phone_number", str)), reason)


def _field(answer: object, name: str, kind: Any) -> Any:
    """A field of an answer, of the kind it must have; an answer of another shape tells nothing: CarrierUnsure."""
    if isinstance(answer, dict) and isinstance(answer.get(name), kind):
        return answer[name]
    raise CarrierUnsure(f"the carrier's answer has no {name} as agreed")
