"""One HTTP call to a carrier: timeouts, retries, what its answer or its silence means."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import httpx
import stamina

from flows.carriers import CarrierDown, CarrierError, CarrierGone, CarrierRefused, CarrierUnsure, clean_reason
from flows.carriers.breaker import CircuitBreaker

T = TypeVar("T")

#: An answer larger than this is no answer of this interface (500 refusals with their reasons are a tenth of it).
MAX_ANSWER_BYTES = 4 << 20

#: Statuses by which a carrier says that it will not do this, now or later.
REFUSALS = frozenset({400, 404, 409, 410, 413, 422})

#: What a repeat of the call would do: nothing more (a look-up); nothing more, thanks to its key; happen twice.
Effect = Literal["none", "keyed", "unkeyed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked. `sign` makes the headers from the body, anew for each try."""

    method: str
    path: str
    body: bytes | None = None
    effect: Effect
    sign: Callable[[bytes], Mapping[str, str]]
    refusals: frozenset[int] = REFUSALS


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Seconds for one try, tries, seconds waited before the second try (then twice as long), longest wait."""

    timeout: float = 10.0
    tries: int = 4
    first_wait: float = 0.2
    longest_wait: float = 5.0


def is_http_url(url: str) -> bool:
    """Whether it is http or https with a host and a port that there is, without a password, and the client takes it."""
    try:
        parts, _ = urlsplit(url), httpx.URL(url)
        host = (parts.hostname or "").encode("idna")  # as a connection will
        return parts.scheme in ("http", "https") and bool(host) and not parts.password and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        return False


def open_http_client(url: str, patience: RetryPolicy) -> httpx.Client:
    """A client of this address; paths are appended to it.

    One connection a call: on a kept one, a second answer to one call would be read as the answer to the next.
    """
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=url.rstrip("/") + "/", timeout=patience.timeout, limits=limits)


@dataclass(slots=True, kw_only=True)
class CarrierConnection:
    """A carrier's line: an HTTP client, patience, and the breaker that the process shares."""

    client: httpx.Client
    breaker: CircuitBreaker
    patience: RetryPolicy = field(default_factory=RetryPolicy)

    def ask(self, call: Call, read: Callable[[Any], T]) -> T:
        """What `read` makes of the answer's JSON (None where it is empty); it raises CarrierUnsure at another shape.

        Raises CarrierDown, CarrierUnsure (never for a look-up) or CarrierRefused. Once one try's answer was lost, a
        later "try again later" no longer means that nothing happened.
        """
        self.breaker.check()
        lost = False
        try:
            for attempt in stamina.retry_context(on=lambda error: self._wait(call, error), **self._limits()):
                with attempt:
                    try:
                        answer = read(self._try(call))
                    except CarrierUnsure:
                        lost = True
                        raise
        except (CarrierDown, CarrierUnsure) as error:
            self.breaker.failed(getattr(error, "retry_after", None), down=isinstance(error, CarrierDown))
            raise _fate(call, error, lost=lost) from error
        except CarrierRefused:
            self.breaker.answered()
            raise
        self.breaker.answered()
        return answer

    def _limits(self) -> dict[str, Any]:
        patience = self.patience
        return {
            "attempts": patience.tries,
            "timeout": None,
            "wait_initial": patience.first_wait,
            "wait_max": patience.longest_wait,
            "wait_jitter": patience.first_wait,
        }

    def _wait(self, call: Call, error: Exception) -> bool | float:
        """Whether to try again, and how long to wait where the carrier said so."""
        if isinstance(error, CarrierUnsure):
            return call.effect != "unkeyed"
        if not isinstance(error, CarrierDown):
            return False
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= self.patience.longest_wait else False

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
        return _meaning(call, response, content)

    def _read(self, response: httpx.Response) -> bytes:
        """The body, within bounds: a carrier that dribbles or floods is one whose answer is lost."""
        content, until = bytearray(), time.monotonic() + self.patience.timeout
        for block in response.iter_bytes():
            content += block
            if len(content) > MAX_ANSWER_BYTES or time.monotonic() > until:
                raise httpx.ReadError("the answer is too long or too slow")
        return bytes(content)


def _fate(call: Call, error: CarrierError, *, lost: bool) -> CarrierError:
    if call.effect == "none":
        return CarrierDown(str(error), retry_after=getattr(error, "retry_after", None))
    return CarrierUnsure(str(error)) if lost else error


def _meaning(call: Call, response: httpx.Response, content: bytes) -> Any:
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
    # A wrong address or secret is the operator's to mend and no fault of the program that happened to be sent.
    raise CarrierDown(f"the carrier answered {status}: its address, secret or permissions need the operator")


def _json(content: bytes) -> Any:
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:  # lists in lists without end are JSON, but nobody's answer
        raise CarrierUnsure("the carrier's answer is not JSON") from error


def _reason(content: bytes) -> str | None:
    """The reason in a problem document (RFC 9457: detail, else title), or None."""
    try:
        problem = json.loads(content)
    except (ValueError, RecursionError):
        return None
    words = (problem.get("detail") or problem.get("title")) if isinstance(problem, dict) else None
    return clean_reason(words) if isinstance(words, str) else None


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait: Retry-After as seconds or an HTTP date (RFC 9110, 10.2.3); None where there is none."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), 86_400))
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, min((until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 86_400))
