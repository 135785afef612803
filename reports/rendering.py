"""One page as one file: template, style and script put together, with a policy that lets nothing else in."""

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from reports import formatting, texts

if TYPE_CHECKING:
    from jinja2 import Environment

#: What the browser may do with a page: show its own style, script and `data:` pictures, and nothing else.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src {style}; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'"
)


#: The words that a narrow page shows before a cell, where it has no room for the table's head.
_WORDS = f':root{{--row:"{texts.TEXTS["col_row"]} "}}'


_BUFFER = 200  # pieces of a template that are weighed at once


def render_page(template: str, **values: Any) -> str:
    """The page, ready to be written as UTF-8; a lone surrogate in a value, which UTF-8 cannot hold, becomes "?"."""
    style, script = _part("page.css") + _WORDS, _part("page.js")
    policy = CONTENT_SECURITY_POLICY.format(style=_source(style), script=_source(script))
    page = _environment().get_template(template).render(style=style, script=script, policy=policy, **values)
    return page.encode("utf-8", "replace").decode("utf-8")


def render_fragment(template: str, *, budget: int, **values: Any) -> str | None:
    """A part of a page, escaped like the page; None as soon as it weighs more than `budget` bytes of UTF-8."""
    stream = _environment().get_template(template).stream(**values)
    stream.enable_buffering(_BUFFER)
    parts: list[str] = []
    for part in stream:
        budget -= len(part.encode("utf-8", "replace"))
        if budget < 0:
            return None
        parts.append(part)
    return "".join(parts)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"say": formatting.markup_text, "raw": texts.TEXTS.__getitem__, "language": texts.LANGUAGE}
    environment.filters |= {
        "shown": formatting.visible_text,
        "number": "{:,}".format,
        "percent": formatting.format_percent,
    }
    return environment


@cache
def _part(name: str) -> str:
    environment = _environment()
    assert environment.loader
    return environment.loader.get_source(environment, name)[0].strip()


def _source(text: str) -> str:
    """The policy's name for an inline part: the hash of its bytes."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
