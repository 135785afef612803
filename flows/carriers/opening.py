"""Opens the carrier that a setting names."""

from collections.abc import Mapping
from typing import Any

from flows.carriers import Carrier


def open_carrier(kind: str, options: Mapping[str, Any]) -> Carrier:
    """The carrier named by the setting CARRIER: "local", "http" or "first_orion".

    `options` are the fields of `flows.carriers.http.HttpOptions` or `flows.carriers.first_orion.FirstOrionOptions`; a
    missing or wrong one raises ValueError with what was expected.
    """
    if kind == "local":
        from flows.carriers.local import LocalCarrier

        return LocalCarrier()
    # The HTTP client is heavy to import, and the default carrier does without it.
    if kind == "http":
        from flows.carriers.http import HttpCarrier, HttpOptions

        return HttpCarrier(HttpOptions(**options))
    if kind == "first_orion":
        from flows.carriers.first_orion import FirstOrionCarrier, FirstOrionOptions

        return FirstOrionCarrier(FirstOrionOptions(**options))
    raise ValueError(f"no carrier is called {kind!r}; expected local, http or first_orion")
