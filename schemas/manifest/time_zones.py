"""Time zones by their IANA names, from the locked tzdata alone, so that every machine knows the same ones."""

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from schemas.manifest.section import nearest_word

#: What people write, and the zone with the clock they mean.
_MEANT = {
    **dict.fromkeys(("et", "edt", "est", "eastern", "eastern time"), "America/New_York"),
    **dict.fromkeys(("ct", "cdt", "cst", "central", "central time"), "America/Chicago"),
    **dict.fromkeys(("mt", "mdt", "mst", "mountain", "mountain time"), "America/Denver"),
    **dict.fromkeys(("pt", "pdt", "pst", "pacific", "pacific time"), "America/Los_Angeles"),
    **dict.fromkeys(("akdt", "akst", "alaska"), "America/Anchorage"),
    **dict.fromkeys(("hdt", "hawaii"), "Pacific/Honolulu"),
    **dict.fromkeys(("z", "utc time", "zulu time"), "UTC"),
}


@cache
def names() -> frozenset[str]:
    """Every IANA name; "Factory" stands for no zone."""
    return frozenset((files("tzdata") / "zones").read_text("ascii").split()) - {"Factory"}


@cache
def zone(name: str) -> ZoneInfo | None:
    """The zone of this name; None where there is none. Capitals count, as in the names."""
    if name not in names():
        return None
    with (files("tzdata") / "zoneinfo").joinpath(*name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def meant(name: str) -> str | None:
    """The zone that was probably meant by an unknown name."""
    wanted = name.strip().casefold().replace(" ", "_")
    cities = {known.rpartition("/")[2].casefold(): known for known in sorted(names(), reverse=True)}
    return _MEANT.get(name.strip().casefold()) or cities.get(wanted) or nearest_word(wanted, sorted(names()))
