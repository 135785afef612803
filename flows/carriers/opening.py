"""Opens the carrier that a setting names."""

from collections.abc import Mapping
from typing import Any

from flows.carriers import Carrier


def open_carrier(kind: str, options: Mapping[str, Any]) -> Carrier:
    """The carrier named by the setting CARRIER: "local", "http" or "first_orion".

    `options` are the fields of `flows.carriers.http.HttpOptions` or `flows.carriers.first_orion.FirstOrionOptions`.
    Raises ValueError, with what was expected, if one is missing or invalid.
    """
    if kind == "local":
        from flows.carriers.local import LocalCarrier

        return LocalCarrier()
    # Imported here to save start-up time: the HTTP client is slow to load, and the local carrier does not need it.
    if kind == "http":
        from flows.carriers.http import HttpCarrier, HttpOptions

        return HttpCarrier(HttpOptions(**options))
    if kind == "first_orion":
        from flows.carriers.first_orion import FirstOrionCarrier, FirstOrionOptions

        return FirstOrionCarrier(FirstOrionOptions(**options))
    raise ValueError(f"unknown carrier {kind!r}; expected local, http or first_orion")
