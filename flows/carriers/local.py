"""The embedded carrier: a book, and the ledger's own tables are it. Everything is taken, at once."""
# ruff: noqa: ARG002  it takes everything, so it looks at nothing

from collections.abc import Sequence

from flows.carriers import Branding, CarrierNumber, CarrierProgram, FoundProgram, Refusal


class LocalCarrier:
    """Takes everything. It keeps nothing beside the ledger, so every call may be repeated."""

    honors_keys = True
    embedded = True

    def cooldown_left(self) -> float:
        return 0.0

    def find(self, program: CarrierProgram, numbers: Sequence[int] = ()) -> FoundProgram | None:
        """Nothing: what is live is what the ledger says."""
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
