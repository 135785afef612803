"""First Orion's exchange API, as far as its public pages describe it.

Written from the public documentation (developer.firstorion.com) and tested with a fake server, never with the real one.
Delivery is at least once: no idempotency key is documented. So a program is looked up by name before it is created, and
numbers before they are added. What cannot be looked up stays unknown and is shown to the operator.

These points are not in the public documentation. Ask First Orion before you use this carrier:

- whether lists are read with GET and are complete;
- the name of the id field (here `programId`);
- the bodies of the delivery channels;
- how numbers are removed from a program. `remove_numbers` only checks that the operator has removed them in the portal.

A program ends when its schedule does.
"""
# ruff: noqa: ARG002  this carrier has no idempotency keys, so `key` is unused

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
from flows.carriers.calls import (
    REFUSALS,
    Call,
    ConnectionOptions,
    Effect,
    check_address,
    format_e164,
    ignore_answer,
    open_connection,
    parse_e164,
)

T = TypeVar("T")

#: A token lasts an hour. First Orion recommends renewing it ten minutes before the end.
TOKEN_SECONDS = 3600 - 600

#: Statuses that mean that this list cannot be read.
NOT_READABLE = frozenset({404, 405, 501})

#: What a token and an id may contain. Both come from answers; one goes into a header, the other into a path.
_TOKEN = re.compile("[!-~]+")
_ID = re.compile("[A-Za-z0-9_-][A-Za-z0-9._~:=-]{0,199}")

#: The only published code of a call purpose.
PUBLISHED_CODES = {"Customer Service": "CS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOrionOptions(ConnectionOptions):
    """Settings of this carrier. Invalid ones raise ValueError, whose message does not contain the keys.

    `businesses` maps our business ids to First Orion's, `units` maps "business/business unit" to the unit's id, and
    `codes` maps call purposes to codes in addition to the published one. `daily_calls` is the id of the range of daily
    calls that every program gets.
    """

    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    url: str = "https://api.firstorion.com"
    businesses: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    daily_calls: int = 4

    def __post_init__(self) -> None:
        check_address(self.url)
        if not _TOKEN.fullmatch(self.api_key) or not _TOKEN.fullmatch(self.secret_key):
            raise ValueError("First Orion: expected an API key and a secret key")


class FirstOrionCarrier:
    """The exchange API. The id of a program is its path: business, unit, program, and the channel with its numbers."""

    honors_keys = False
    embedded = False

    def __init__(self, options: FirstOrionOptions) -> None:
        self._options = options
        self._token: tuple[str, float] | None = None
        self._connection = open_connection(options.url, options)

    def cooldown_left(self) -> float:
        return self._connection.cooldown_left()

    def find(self, program: CarrierProgram, numbers: Sequence[int] = ()) -> FoundProgram | None:
        id = self._find_id(program)
        if id is None:
            return None
        present = self._read_numbers(id) if numbers else {}
        return FoundProgram(id=id, numbers=None if present is None else frozenset(present) & frozenset(numbers))

    def create(self, program: CarrierProgram, *, key: str) -> str:
        existing = self._find_id(program)
        if existing is not None:
            return existing
        body = {
            "programName": _unique_name(program),
            "active": True,
            "callPurposeCode": self._purpose_code(program.call_purpose),
            "dailyCallCountEstimateRangeId": self._options.daily_calls,
            "authenticatedCalls": True,
            "schedules": [_schedule(program.start, program.end)],
        }
        unit = self._unit_path(program)
        id = self._send("POST", f"{unit}/programs", [body], _parse_created_id, effect="unkeyed")
        return f"{unit}/programs/{id}/delivery-channels/{_channel(program)}"

    def update(self, id: str, program: CarrierProgram, *, key: str) -> None:
        """Change the schedule. The public documentation has no call that changes anything else."""
        body = _schedule(program.start, program.end)
        self._send("POST", f"{_program_path(id)}/schedules", body, ignore_answer, effect="unkeyed")

    def add_numbers(self, id: str, numbers: Sequence[CarrierNumber], *, key: str) -> tuple[Refusal, ...]:
        codes = {number: self._purpose_code(purpose) for number, purpose in numbers}
        present = self._read_numbers(id) or {}
        missing = {number: code for number, code in codes.items() if present.get(number) != code}
        if not missing:
            return ()
        body = [{"phoneNumber": format_e164(number), "callPurposeCode": code} for number, code in missing.items()]
        parse = partial(_parse_refusals, frozenset(missing))
        return self._send("POST", f"{id}/a-numbers", body, parse, effect="unkeyed")

    def remove_numbers(self, id: str, numbers: Sequence[int], *, key: str) -> None:
        """Check that the operator has removed the numbers in the portal. No call for it is documented."""
        present = self._read_numbers(id)
        if present is None or not present.keys().isdisjoint(numbers):
            raise CarrierRefused(
                "First Orion's public API cannot remove numbers. Remove them in its portal, then retry"
            )

    def set_branding(self, id: str, branding: Branding | None, *, key: str) -> None:
        if branding is None:
            return
        channels = f"{_program_path(id)}/delivery-channels"
        names = {"displayName": branding.display_name.display, "shortName": branding.display_name.shorthand}
        self._send("POST", f"{channels}/callerName", names, ignore_answer, effect="unkeyed")
        if branding.logo:
            image = {"image": branding.logo.svg.decode("utf-8", "replace"), "callReason": branding.call_reason}
            self._send("POST", f"{channels}/callerImage", image, ignore_answer, effect="unkeyed")

    def end(self, id: str, program: CarrierProgram, *, key: str) -> None:
        end = min(program.end, datetime.now(UTC))
        body = _schedule(min(program.start, end), end)
        self._send("POST", f"{_program_path(id)}/schedules", body, ignore_answer, effect="unkeyed")

    def close(self) -> None:
        self._connection.close()

    def _find_id(self, program: CarrierProgram) -> str | None:
        unit, name = self._unit_path(program), _unique_name(program)
        ids = self._send("GET", f"{unit}/programs", None, partial(_parse_ids_by_name, name), effect="none")
        if len(ids) > 1:
            raise CarrierRefused(f"First Orion has {len(ids)} programs named {name!r}: delete all but one")
        return f"{unit}/programs/{ids[0]}/delivery-channels/{_channel(program)}" if ids else None

    def _read_numbers(self, id: str) -> dict[int, str] | None:
        """The program's numbers with their codes; None if they cannot be read."""
        try:
            return self._send("GET", f"{id}/a-numbers", None, _parse_numbers, effect="none", refusals=NOT_READABLE)
        except CarrierRefused:
            return None

    def _unit_path(self, program: CarrierProgram) -> str:
        unit = f"{program.business}/{program.business_unit}"
        business_id, unit_id = self._options.businesses.get(program.business), self._options.units.get(unit)
        if not business_id or not unit_id:
            raise CarrierRefused(f"no First Orion id is set for {program.business if not business_id else unit}")
        return f"exchange/v1/businesses/{business_id}/business-units/{unit_id}"

    def _purpose_code(self, purpose: str) -> str:
        code = self._options.codes.get(purpose) or PUBLISHED_CODES.get(purpose)
        if not code:
            raise CarrierRefused(f"no First Orion code is set for the call purpose {purpose}")
        return code

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        parse: Callable[[Any], T],
        *,
        effect: Effect,
        refusals: frozenset[int] = REFUSALS,
    ) -> T:
        content = None if body is None else json.dumps(body).encode()
        headers = {"authorization": self._authorization()}
        call = Call(method=method, path=path, body=content, effect=effect, sign=lambda _: headers, refusals=refusals)
        try:
            return self._connection.send(call, parse)
        except CarrierDown:
            self._token = None  # it may have been revoked, so the next call gets a new one
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
            self._token = (self._connection.send(call, _parse_token), now + TOKEN_SECONDS)
        return self._token[0]


def _unique_name(program: CarrierProgram) -> str:
    """The name with our reference: First Orion has no field for the reference, and two programs may have one name."""
    return f"{program.name} - {program.reference}"


def _channel(program: CarrierProgram) -> str:
    return "blocking" if program.type == "SENTRY" else "callerName"


def _program_path(id: str) -> str:
    return id.partition("/delivery-channels/")[0]


def _schedule(start: datetime, end: datetime) -> dict[str, str]:
    return {"startTime": str(int(start.timestamp())), "endTime": str(int(end.timestamp()))}


def _parse_token(answer: Any) -> str:
    token = answer.get("token") if isinstance(answer, dict) else None
    if isinstance(token, str) and _TOKEN.fullmatch(token):
        return token
    raise CarrierUnsure("First Orion's answer has no token")


def _parse_list(name: str, answer: Any) -> list[dict[str, Any]]:
    """The entries of `{"body": [...]}` or `{"body": {name: [...]}}`."""
    body = answer.get("body") if isinstance(answer, dict) else None
    entries = body.get(name) if isinstance(body, dict) else body
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CarrierUnsure(f"First Orion's answer has no list of {name}")
    return entries


def _parse_ids_by_name(name: str, answer: Any) -> list[str]:
    """The ids of the listed programs with this name."""
    return [_parse_id(entry) for entry in _parse_list("programs", answer) if entry.get("programName") == name]


def _parse_created_id(answer: Any) -> str:
    entries = _parse_list("programs", answer)
    if len(entries) != 1:
        raise CarrierUnsure("First Orion's answer has no program id")
    return _parse_id(entries[0])


def _parse_id(entry: Mapping[str, Any]) -> str:
    """A program's id: text or an integer that can be part of a path."""
    id = entry.get("programId")
    if isinstance(id, str | int) and _ID.fullmatch(str(id)):
        return str(id)
    raise CarrierUnsure("First Orion's answer has no program id")


def _parse_number(entry: Mapping[str, Any]) -> int:
    return parse_e164(entry.get("phoneNumber"), "First Orion")


def _parse_numbers(answer: Any) -> dict[int, str]:
    """Numbers with the codes of their call purposes."""
    return {_parse_number(entry): str(entry.get("callPurposeCode")) for entry in _parse_list("phoneNumbers", answer)}


def _parse_refusals(sent: frozenset[int], answer: Any) -> tuple[Refusal, ...]:
    """`rejectedPhoneNumbers`, each with one of the published reasons. Even an answer of 201 may have some."""
    refused = [(_parse_number(entry), _parse_reason(entry)) for entry in _parse_list("rejectedPhoneNumbers", answer)]
    return tuple(Refusal(number, reason) for number, reason in refused if number in sent)


def _parse_reason(entry: Mapping[str, Any]) -> str:
    reason = entry.get("rejectionReason")
    if isinstance(reason, str):
        return clean_reason(reason) or "no reason given"
    raise CarrierUnsure("First Orion's answer has a rejected number without a reason")
