"""First Orion's exchange API, as far as its public pages describe it.

Written from public documentation (developer.firstorion.com) and tried against a stand-in, never against the service. At
least once: no idempotency key is documented, so a program is looked up by name before it is made, and numbers before
they are added; what cannot be looked up stays unknown and is shown to the operator.

Not on the public pages, and to be settled with First Orion before use: that the lists are read by GET and come whole,
the ids' field name (`programId`), the bodies of the delivery channels, and how numbers are taken out of a program (so
`remove_numbers` looks whether the operator has done it in the portal, and else refuses). The end is a schedule's.
"""
# ruff: noqa: ARG002  no key is honoured here, so none is looked at

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from flows.carriers import (
    Branding,
    CarrierDown,
    CarrierNumber,
    CarrierProgram,
    CarrierRefused,
    CarrierUnsure,
    FoundProgram,
    Refusal,
    clean_reason,
)
from flows.carriers.breaker import shared_breaker
from flows.carriers.calls import REFUSALS, Call, CarrierConnection, Effect, RetryPolicy, open_http_client
from flows.carriers.http import check_address

T = TypeVar("T")

#: A token lasts an hour; First Orion advises to renew it ten minutes before.
TOKEN_SECONDS = 3600 - 600

#: How a server says that it has no such list to read.
NO_SUCH_CALL = frozenset({404, 405, 501})

#: What can stand in a header and in a path; of what an answer has there, anything else is no token and no id.
_TOKEN = re.compile("[!-~]+")
_ID = re.compile("[A-Za-z0-9_-][A-Za-z0-9._~:=-]{0,199}")

#: The only call purpose code that is published.
PUBLISHED_CODES = {"Customer Service": "CS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOrionOptions:
    """Settings of this carrier. Wrong ones raise ValueError, without the keys.

    `businesses` maps our business to its id there, `units` "business/business unit" to the unit's, `codes` a call
    purpose to its code, beyond the published one; `daily_calls` is the id of the range of every program's daily calls.
    """

    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    url: str = "https://api.firstorion.com"
    businesses: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    daily_calls: int = 4
    timeout: float = 10.0
    tries: int = 4
    first_wait: float = 0.2
    longest_wait: float = 5.0
    rest: float = 5.0

    def __post_init__(self) -> None:
        check_address(self.url)
        if not _TOKEN.fullmatch(self.api_key) or not _TOKEN.fullmatch(self.secret_key):
            raise ValueError("First Orion: expected an API key and a secret key")


class FirstOrionCarrier:
    """The exchange API. A program's id here is its path: business, unit, program and the channel its numbers are in."""

    honors_keys = False
    embedded = False

    def __init__(self, options: FirstOrionOptions) -> None:
        self._options = options
        self._token: tuple[str, float] | None = None
        patience = RetryPolicy(
            timeout=options.timeout,
            tries=options.tries,
            first_wait=options.first_wait,
            longest_wait=options.longest_wait,
        )
        self._line = CarrierConnection(
            client=open_http_client(options.url, patience),
            breaker=shared_breaker(options.url, options.rest),
            patience=patience,
        )

    def cooldown_left(self) -> float:
        return self._line.breaker.left()

    def find(self, program: CarrierProgram, numbers: Sequence[int] = ()) -> FoundProgram | None:
        id = self._program(program)
        if id is None:
            return None
        there = self._numbers(id) if numbers else {}
        return FoundProgram(id=id, numbers=None if there is None else frozenset(there) & frozenset(numbers))

    def create(self, program: CarrierProgram, *, key: str) -> str:
        there = self._program(program)
        if there is not None:
            return there
        body = {
            "programName": _name(program),
            "active": True,
            "callPurposeCode": self._code(program.call_purpose),
            "dailyCallCountEstimateRangeId": self._options.daily_calls,
            "authenticatedCalls": True,
            "schedules": [_schedule(program.start, program.end)],
        }
        unit = self._unit(program)
        id = self._ask("POST", f"{unit}/programs", [body], _created, effect="unkeyed")
        return f"{unit}/programs/{id}/delivery-channels/{_channel(program)}"

    def update(self, id: str, program: CarrierProgram, *, key: str) -> None:
        """The schedule; the rest of a program cannot be changed by what is published."""
        body = _schedule(program.start, program.end)
        self._ask("POST", f"{_program_path(id)}/schedules", body, _nothing, effect="unkeyed")

    def add_numbers(self, id: str, numbers: Sequence[CarrierNumber], *, key: str) -> tuple[Refusal, ...]:
        coded = {number: self._code(purpose) for number, purpose in numbers}
        there = self._numbers(id) or {}
        missing = {number: code for number, code in coded.items() if there.get(number) != code}
        if not missing:
            return ()
        body = [{"phoneNumber": f"+1{number:010d}", "callPurposeCode": code} for number, code in missing.items()]
        return self._ask("POST", f"{id}/a-numbers", body, partial(_refusals, frozenset(missing)), effect="unkeyed")

    def remove_numbers(self, id: str, numbers: Sequence[int], *, key: str) -> None:
        """How is not published, so it is the operator's to do in the portal; done there, it is done here."""
        there = self._numbers(id)
        if there is None or not there.keys().isdisjoint(numbers):
            raise CarrierRefused("First Orion's public interface takes no numbers out: do it in its portal, then retry")

    def set_branding(self, id: str, branding: Branding | None, *, key: str) -> None:
        if branding is None:
            return
        channels = f"{_program_path(id)}/delivery-channels"
        names = {"displayName": branding.display_name.display, "shortName": branding.display_name.shorthand}
        self._ask("POST", f"{channels}/callerName", names, _nothing, effect="unkeyed")
        if branding.logo:
            image = {"image": branding.logo.svg.decode("utf-8", "replace"), "callReason": branding.call_reason}
            self._ask("POST", f"{channels}/callerImage", image, _nothing, effect="unkeyed")

    def end(self, id: str, program: CarrierProgram, *, key: str) -> None:
        end = min(program.end, datetime.now(UTC))
        body = _schedule(min(program.start, end), end)
        self._ask("POST", f"{_program_path(id)}/schedules", body, _nothing, effect="unkeyed")

    def close(self) -> None:
        self._line.client.close()

    def _program(self, program: CarrierProgram) -> str | None:
        unit = self._unit(program)
        ids = self._ask("GET", f"{unit}/programs", None, partial(_named, _name(program)), effect="none")
        if len(ids) > 1:
            raise CarrierRefused(f"First Orion has {len(ids)} programs named {_name(program)!r}: keep one of them")
        return f"{unit}/programs/{ids[0]}/delivery-channels/{_channel(program)}" if ids else None

    def _numbers(self, id: str) -> dict[int, str] | None:
        """The program's numbers with their codes; None: it cannot be asked for them."""
        try:
            return self._ask("GET", f"{id}/a-numbers", None, _coded, effect="none", refusals=NO_SUCH_CALL)
        except CarrierRefused:
            return None

    def _unit(self, program: CarrierProgram) -> str:
        unit = f"{program.business}/{program.business_unit}"
        business_id, unit_id = self._options.businesses.get(program.business), self._options.units.get(unit)
        if not business_id or not unit_id:
            raise CarrierRefused(f"no First Orion id is set for {program.business if not business_id else unit}")
        return f"exchange/v1/businesses/{business_id}/business-units/{unit_id}"

    def _code(self, purpose: str) -> str:
        code = self._options.codes.get(purpose) or PUBLISHED_CODES.get(purpose)
        if not code:
            raise CarrierRefused(f"no First Orion code is set for the call purpose {purpose}")
        return code

    def _ask(
        self,
        method: str,
        path: str,
        body: Any,
        read: Callable[[Any], T],
        *,
        effect: Effect,
        refusals: frozenset[int] = REFUSALS,
    ) -> T:
        content = None if body is None else json.dumps(body).encode()
        headers = {"authorization": self._authorization()}
        call = Call(method=method, path=path, body=content, effect=effect, sign=lambda _: headers, refusals=refusals)
        try:
            return self._line.ask(call, read)
        except CarrierDown:
            self._token = None  # it may have been withdrawn: the next call begins with a fresh one
            raise

    def _authorization(self) -> str:
        now = time.monotonic()
        if self._token is None or self._token[1] <= now:
            keys = {
                "x-service": "auth",
                "x-api-key": self._options.api_key,
                "x-secret-key": self._options.secret_key,
            }
            call = Call(method="POST", path="v1/auth", effect="none", sign=lambda _: keys, refusals=frozenset())
            self._token = (self._line.ask(call, _token), now + TOKEN_SECONDS)
        return self._token[0]


def _name(program: CarrierProgram) -> str:
    """Told apart by our reference: First Orion does not know of it, and a name may be used twice."""
    return f"{program.name} - {program.reference}"


def _channel(program: CarrierProgram) -> str:
    return "blocking" if program.type == "SENTRY" else "callerName"


def _program_path(id: str) -> str:
    return id.partition("/delivery-channels/")[0]


def _schedule(start: datetime, end: datetime) -> dict[str, str]:
    return {"startTime": str(int(start.timestamp())), "endTime": str(int(end.timestamp()))}


def _nothing(answer: Any) -> None:
    """The answer to a change that has nothing to tell."""


def _token(answer: Any) -> str:
    token = answer.get("token") if isinstance(answer, dict) else None
    if isinstance(token, str) and _TOKEN.fullmatch(token):
        return token
    raise CarrierUnsure("First Orion's answer holds no token")


def _listed(name: str, answer: Any) -> list[dict[str, Any]]:
    """The entries of `{"body": [...]}` or `{"body": {name: [...]}}`."""
    body = answer.get("body") if isinstance(answer, dict) else None
    entries = body.get(name) if isinstance(body, dict) else body
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CarrierUnsure(f"First Orion's answer lists no {name}")
    return entries


def _named(name: str, answer: Any) -> list[str]:
    """The ids of the listed programs of this name."""
    return [_id(entry) for entry in _listed("programs", answer) if entry.get("programName") == name]


def _created(answer: Any) -> str:
    entries = _listed("programs", answer)
    if len(entries) != 1:
        raise CarrierUnsure("First Orion's answer names no program")
    return _id(entries[0])


def _id(entry: Mapping[str, Any]) -> str:
    """A program's id: a text or a figure that can be a part of a path."""
    id = entry.get("programId")
    if isinstance(id, str | int) and _ID.fullmatch(str(id)):
        return str(id)
    raise CarrierUnsure("First Orion's answer names no program")


def _digits(entry: Mapping[str, Any]) -> int:
    text = str(entry.get("phoneNumber", ""))
    if len(text) == 12 and text.startswith("+1") and text[1:].isdecimal():
        return int(text[2:])
    raise CarrierUnsure("First Orion's answer names a number that is not +1 and ten digits")


def _coded(answer: Any) -> dict[int, str]:
    return {_digits(entry): str(entry.get("callPurposeCode")) for entry in _listed("phoneNumbers", answer)}


def _refusals(sent: frozenset[int], answer: Any) -> tuple[Refusal, ...]:
    """Refused even in an answer of 201: `rejectedPhoneNumbers`, each with one of the published reasons."""
    refused = [(_digits(entry), _reason(entry)) for entry in _listed("rejectedPhoneNumbers", answer)]
    return tuple(Refusal(number, reason) for number, reason in refused if number in sent)


def _reason(entry: Mapping[str, Any]) -> str:
    reason = entry.get("rejectionReason")
    if isinstance(reason, str):
        return clean_reason(reason) or "no reason given"
    raise CarrierUnsure("First Orion's answer gives no reason for a number that it rejects")
