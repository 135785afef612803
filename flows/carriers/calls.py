"""HTTP calls to a carrier: timeouts, retries, and what an answer or its absence means."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import httpx
import stamina

from flows.carriers import CarrierDown, CarrierError, CarrierGone, CarrierRefused, CarrierUnsure, clean_reason
from flows.carriers.breaker import CircuitBreaker, shared_breaker

T = TypeVar("T")

#: A larger answer is treated as lost. The largest valid one, 500 refusals with reasons, is a tenth of it.
MAX_ANSWER_BYTES = 4 << 20

#: Statuses with which a carrier refuses a call for good.
REFUSALS = frozenset({400, 404, 409, 410, 413, 422})

#: What repeating a call does: nothing (a lookup); nothing, thanks to its idempotency key; it takes effect twice.
Effect = Literal["none", "keyed", "unkeyed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `sign` is called before each try to make the headers for the body."""

    method: str
    path: str
    body: bytes | None = None
    effect: Effect
    sign: Callable[[bytes], Mapping[str, str]]
    refusals: frozenset[int] = REFUSALS


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """Times in seconds: `timeout` of one try; the wait between tries doubles from `initial_wait` to `max_wait`.

    `cooldown` is how long the carrier is not called after a first failure.
    """

    timeout: float = 10.0
    tries: int = 4
    initial_wait: float = 0.2
    max_wait: float = 5.0
    cooldown: float = 5.0


def is_http_url(url: str) -> bool:
    """Whether this is an http or https URL with a valid host and port and without a password."""
    try:
        parts, _ = urlsplit(url), httpx.URL(url)
        host = (parts.hostname or "").encode("idna")  # as the HTTP client does when it connects
        return parts.scheme in ("http", "https") and bool(host) and not parts.password and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        return False


def check_address(url: str) -> None:
    """Raise ValueError unless `url` is an http or https URL with a host and without a password."""
    if not is_http_url(url):
        raise ValueError("the carrier's address: expected https://host/path, without user and password")


@dataclass(slots=True, kw_only=True)
class CarrierConnection:
    """How to reach a carrier: an HTTP client, and the circuit breaker that the process shares."""

    client: httpx.Client
    breaker: CircuitBreaker
    options: ConnectionOptions

    def cooldown_left(self) -> float:
        return self.breaker.cooldown_left()

    def close(self) -> None:
        self.client.close()

    def send(self, call: Call, parse: Callable[[Any], T]) -> T:
        """Send a call, with retries. Returns `parse` of the answer's JSON (None if the answer is empty).

        `parse` raises CarrierUnsure if the JSON does not have the expected shape. Raises CarrierDown, CarrierUnsure
        (never for a lookup) or CarrierRefused. If the answer of one try was lost, an answer of "try again later" to the
        next one does not mean that nothing happened, so the result is CarrierUnsure.
        """
        self.breaker.require_closed()
        lost = False
        try:
            for attempt in stamina.retry_context(on=lambda error: self._wait(call, error), **self._limits()):
                with attempt:
                    try:
                        answer = parse(self._try(call))
                    except CarrierUnsure:
                        lost = True
                        raise
        except (CarrierDown, CarrierUnsure) as error:
            self.breaker.record_failure(getattr(error, "retry_after", None), down=isinstance(error, CarrierDown))
            raise _final_error(call, error, lost=lost) from error
        except CarrierRefused:
            self.breaker.record_answer()
            raise
        self.breaker.record_answer()
        return answer

    def _limits(self) -> dict[str, Any]:
        return {
            "attempts": self.options.tries,
            "timeout": None,
            "wait_initial": self.options.initial_wait,
            "wait_max": self.options.max_wait,
            "wait_jitter": self.options.initial_wait,
        }

    def _wait(self, call: Call, error: Exception) -> bool | float:
        """Whether to try again, or the seconds to wait first if the carrier gave them."""
        if isinstance(error, CarrierUnsure):
            return call.effect != "unkeyed"
        if not isinstance(error, CarrierDown):
            return False
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= self.options.max_wait else False

    def _try(self, call: Call) -> Any:
        headers = {"accept": "application/json", **call.sign(call.body or b"")}
        if call.body is not None:
            headers["content-type"] = "application/json"
        try:
            with self.client.stream(call.method, call.path, content=call.body, headers=headers) as response:
                content = self._read(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise CarrierDown(f"the carrier cannot be reached ({type(error).__name__})") from error
        except httpx.HTTPError as error:
            raise CarrierUnsure(f"the carrier's answer was lost ({type(error).__name__})") from error
        return _parse_response(call, response, content)

    def _read(self, response: httpx.Response) -> bytes:
        """The body. One that is too large or arrives too slowly counts as lost."""
        content, until = bytearray(), time.monotonic() + self.options.timeout
        for block in response.iter_bytes():
            content += block
            if len(content) > MAX_ANSWER_BYTES or time.monotonic() > until:
                raise httpx.ReadError("the answer is too large or too slow")
        return bytes(content)


def open_connection(url: str, options: ConnectionOptions) -> CarrierConnection:
    """A connection to the carrier at this base URL.

    Each call opens its own TCP connection. On a reused one, a second answer to one call would be taken for the answer
    to the next.
    """
    limits = httpx.Limits(max_keepalive_connections=0)
    client = httpx.Client(base_url=url.rstrip("/") + "/", timeout=options.timeout, limits=limits)
    return CarrierConnection(client=client, breaker=shared_breaker(url, options.cooldown), options=options)


def ignore_answer(answer: Any) -> None:
    """`parse` for a call whose answer contains nothing of interest."""


def format_e164(number: int) -> str:
    """Ten digits as +1 and ten digits."""
    return f"+1{number:010d}"


def parse_e164(text: object, carrier: str) -> int:
    """+1 and ten digits as ten digits. Raises CarrierUnsure, which names the carrier, for anything else."""
    if isinstance(text, str) and len(text) == 12 and text.startswith("+1") and text[1:].isdecimal():
        return int(text[2:])
    raise CarrierUnsure(f"{carrier}'s answer has a phone number that is not +1 and ten digits")


def _final_error(call: Call, error: CarrierError, *, lost: bool) -> CarrierError:
    """The error after the last try. A lookup has no effect, so its outcome is never in doubt."""
    if call.effect == "none":
        return CarrierDown(str(error), retry_after=getattr(error, "retry_after", None))
    return CarrierUnsure(str(error)) if lost else error


def _parse_response(call: Call, response: httpx.Response, content: bytes) -> Any:
    status = response.status_code
    if response.is_success:
        return _json(content)
    if status in (429, 503):
        raise CarrierDown(f"the carrier asks to wait ({status})", retry_after=_retry_after(response.headers))
    if status in (408, 425, 500, 502, 504) or (status == 409 and "retry-after" in response.headers):
        raise CarrierUnsure(f"the carrier failed ({status})")
    if status in call.refusals:
        raise (CarrierGone if status in (404, 410) else CarrierRefused)(
            _reason(content) or f"the carrier answered {status}"
        )
    # A wrong address or secret is for the operator to fix. It says nothing about the program in this call.
    raise CarrierDown(f"the carrier answered {status}: check its address, secret and permissions")


def _json(content: bytes) -> Any:
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:  # very deeply nested lists are JSON, but not an answer
        raise CarrierUnsure("the carrier's answer is not JSON") from error


def _reason(content: bytes) -> str | None:
    """The reason in a problem document (RFC 9457): its detail, or else its title; None if there is none."""
    try:
        problem = json.loads(content)
    except (ValueError, RecursionError):
        return None
    reason = (problem.get("detail") or problem.get("title")) if isinstance(problem, dict) else None
    return clean_reason(reason) if isinstance(reason, str) else None


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait by the Retry-After header (RFC 9110, 10.2.3: seconds or an HTTP date); None if there is none."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), 86_400))
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, min((until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 86_400))
