"""The embedded carrier: the ledger itself. It accepts everything at once."""
# ruff: noqa: ARG002  it accepts everything, so the arguments are unused

from collections.abc import Sequence

from flows.carriers import Branding, CarrierNumber, CarrierProgram, FoundProgram, Refusal


class LocalCarrier:
    """Accepts everything and stores nothing outside the ledger, so any call can be repeated."""

    honors_keys = True
    embedded = True

    def cooldown_left(self) -> float:
        return 0.0

    def find(self, program: CarrierProgram, numbers: Sequence[int] = ()) -> FoundProgram | None:
        """Always None: the ledger knows what is live."""
        return None

    def create(self, program: CarrierProgram, *, key: str) -> str:
        return f"{program.business}/{program.reference}"

    def update(self, id: str, program: CarrierProgram, *, key: str) -> None: ...

    def add_numbers(self, id: str, numbers: Sequence[CarrierNumber], *, key: str) -> tuple[Refusal, ...]:
        return ()

    def remove_numbers(self, id: str, numbers: Sequence[int], *, key: str) -> None: ...

    def set_branding(self, id: str, branding: Branding | None, *, key: str) -> None: ...

    def end(self, id: str, program: CarrierProgram, *, key: str) -> None: ...

    def close(self) -> None: ...
