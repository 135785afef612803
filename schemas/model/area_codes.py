"""Area codes that go before phonenumbers' metadata: those of the list that is shipped, and those of the operator."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaCode:
    """An area code, its region (an ISO code such as US), and its first and last day in service (None: no limit)."""

    code: int
    region: str
    first_day: date | None = None
    last_day: date | None = None

    def is_in_service(self, day: date) -> bool:
        """Whether numbers with this area code can be in use on that day."""
        return (self.first_day is None or self.first_day <= day) and (self.last_day is None or day <= self.last_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaCodeList:
    """A list of area codes, each at most once. `version` is the date of the shipped list, or a hash of the file."""

    version: str
    codes: tuple[AreaCode, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaCodesInForce:
    """What the lists say on one day: the regions of area codes in service, and those that are not in service.

    Sorted by area code. It has no dates, so that programs with different starts share the tables made from it.
    """

    in_service: tuple[tuple[int, str], ...] = ()
    closed: tuple[int, ...] = ()


#: Without lists, the metadata decides.
METADATA_ONLY = AreaCodesInForce()


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaCodesOnDay:
    """The area codes of both lists, and the day for which numbers are judged.

    `is_start` says that this is the day on which the program starts.
    """

    codes: tuple[AreaCode, ...] = ()
    day: date = date.min
    is_start: bool = False

    def in_force(self) -> AreaCodesInForce:
        """What the lists say on that day."""
        codes = sorted(self.codes, key=lambda each: each.code)
        return AreaCodesInForce(
            in_service=tuple((each.code, each.region) for each in codes if each.is_in_service(self.day)),
            closed=tuple(each.code for each in codes if not each.is_in_service(self.day)),
        )

    def find(self, code: int) -> AreaCode | None:
        """What the lists say about an area code; None if it is in neither."""
        return next((each for each in self.codes if each.code == code), None)


NO_AREA_CODE_LISTS = AreaCodesOnDay()
