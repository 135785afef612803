"""Sample values for carriers, and carriers for fake servers."""

from datetime import UTC, datetime

from flows.carriers import Branding, Carrier, CarrierLogo, CarrierNumber, CarrierProgram
from flows.carriers.first_orion import FirstOrionCarrier, FirstOrionOptions
from flows.carriers.http import HttpCarrier, HttpOptions
from schemas.model.business import DisplayName

PROGRAM = CarrierProgram(
    business="acme-bank",
    reference="collections-2027-q1",
    business_unit="Collections",
    type="INFORM with Logo",
    name="Q1 Collections",
    call_purpose="Customer Service",
    description="Reminder calls.",
    start=datetime(2024, 1, 4, 15, tzinfo=UTC),
    end=datetime(2099, 3, 31, 23, tzinfo=UTC),
    timezone="America/Chicago",
)
#: Carriers to close after each test; the fixture in conftest.py does it.
OPENED: list[Carrier] = []

BRANDING = Branding(
    display_name=DisplayName(display="Acme Bank Collections", shorthand="Acme Bank"),
    logo=CarrierLogo(sha256="0" * 64, svg=b"<svg/>"),
    call_reason="Payment reminder",
)


def numbers(count: int, *, first: int = 5012149000) -> list[CarrierNumber]:
    return [CarrierNumber(first + i, "Customer Service") for i in range(count)]


def http_carrier(url: str, *, timeout: float = 2.0, tries: int = 4, cooldown: float = 0.0) -> HttpCarrier:
    carrier = HttpCarrier(
        HttpOptions(
            url=url,
            secret="whsec_c3RhbmQtaW4gc2VjcmV0IG9mIHRlc3Rz",
            timeout=timeout,
            tries=tries,
            initial_wait=0.001,
            max_wait=1.0,
            cooldown=cooldown,
        )
    )
    OPENED.append(carrier)
    return carrier


def first_orion_carrier(url: str, *, cooldown: float = 0.0) -> FirstOrionCarrier:
    carrier = FirstOrionCarrier(
        FirstOrionOptions(
            url=url,
            api_key="k",
            secret_key="s",
            businesses={"acme-bank": "b-1"},
            units={"acme-bank/Collections": "u-1"},
            timeout=2.0,
            initial_wait=0.001,
            cooldown=cooldown,
        )
    )
    OPENED.append(carrier)
    return carrier
