"""Time zones by their IANA names, from the pinned tzdata package only, so that every machine has the same zones."""

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from schemas.manifest.section import nearest_word

#: Common abbreviations and names, and the zone to suggest.
_SUGGESTIONS = {
    **dict.fromkeys(("et", "edt", "est", "eastern", "eastern time"), "America/New_York"),
    **dict.fromkeys(("ct", "cdt", "cst", "central", "central time"), "America/Chicago"),
    **dict.fromkeys(("mt", "mdt", "mst", "mountain", "mountain time"), "America/Denver"),
    **dict.fromkeys(("pt", "pdt", "pst", "pacific", "pacific time"), "America/Los_Angeles"),
    **dict.fromkeys(("akdt", "akst", "alaska"), "America/Anchorage"),
    **dict.fromkeys(("hdt", "hawaii"), "Pacific/Honolulu"),
    **dict.fromkeys(("z", "utc time", "zulu time"), "UTC"),
}


@cache
def zone_names() -> frozenset[str]:
    """Every IANA name, except "Factory", which means that no zone is set."""
    return frozenset((files("tzdata") / "zones").read_text("ascii").split()) - {"Factory"}


@cache
def load_zone(name: str) -> ZoneInfo | None:
    """The zone with this name; None if there is none. Case matters."""
    if name not in zone_names():
        return None
    with (files("tzdata") / "zoneinfo").joinpath(*name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def suggest_zone(name: str) -> str | None:
    """The zone that was probably meant by an unknown name; None if no zone is similar."""
    folded = name.strip().casefold()
    underscored = folded.replace(" ", "_")
    zone_of_city = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(zone_names(), reverse=True)}
    return _SUGGESTIONS.get(folded) or zone_of_city.get(underscored) or nearest_word(underscored, sorted(zone_names()))
