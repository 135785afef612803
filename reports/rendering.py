"""Renders a page into one file: template, style and script together, with a policy that lets nothing else in."""

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from reports import formatting, texts

if TYPE_CHECKING:
    from jinja2 import Environment

#: What the browser may do with a page: use its own style and script, show `data:` images, and nothing else.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src {style}; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'"
)

#: The label a narrow page shows before a row's number, where it has no room for the table's head.
_ROW_LABEL_CSS = f':root{{--row:"{texts.TEXTS["col_row"]} "}}'

_PIECES_AT_ONCE = 200  # pieces of a template whose bytes are counted together


def render_page(template: str, **values: Any) -> str:
    """The page, ready to be written as UTF-8. A lone surrogate in a value, which UTF-8 cannot encode, becomes "?"."""
    style, script = _read_part("page.css") + _ROW_LABEL_CSS, _read_part("page.js")
    policy = CONTENT_SECURITY_POLICY.format(style=_hash_source(style), script=_hash_source(script))
    page = _environment().get_template(template).render(style=style, script=script, policy=policy, **values)
    return page.encode("utf-8", "replace").decode("utf-8")


def render_fragment(template: str, *, budget: int, **values: Any) -> str | None:
    """A part of a page, escaped like the page. None as soon as it exceeds `budget` bytes of UTF-8."""
    stream = _environment().get_template(template).stream(**values)
    stream.enable_buffering(_PIECES_AT_ONCE)
    parts: list[str] = []
    for part in stream:
        budget -= len(part.encode("utf-8", "replace"))
        if budget < 0:
            return None
        parts.append(part)
    return "".join(parts)


@cache
def _environment() -> "Environment":
    """Templates can use `text(key, ...)`, which gives markup, and `raw_text(key)`, which is the text without values."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # here because it saves start-up time

    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "text": formatting.markup_text,
        "raw_text": texts.TEXTS.__getitem__,
        "language": texts.LANGUAGE,
    }
    environment.filters |= {
        "visible": formatting.visible_text,
        "number": "{:,}".format,
        "percent": formatting.format_percent,
    }
    return environment


@cache
def _read_part(name: str) -> str:
    environment = _environment()
    assert environment.loader
    return environment.loader.get_source(environment, name)[0].strip()


def _hash_source(text: str) -> str:
    """How the policy names an inline part: by the hash of its bytes."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
