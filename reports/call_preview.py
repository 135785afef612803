"""What a called phone will show: as a drawing on a submission's page, and small beside what waits for review."""

import base64
from dataclasses import dataclass

from reports.formatting import plain_text, visible_text
from reports.views import BrandingPreview, SubmissionView

_LOGO_BYTES = 200 * 1024
#: The name is drawn up to here; carriers take 32 characters and less.
_DISPLAY = 64
_SHORTHAND = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPreview:
    """What the called phone shows. `logo` is a `data:` address."""

    display: str
    shorthand: str
    initial: str
    logo: str | None
    call_reason: str = ""
    note: str = ""


def preview_submission(view: SubmissionView) -> CallPreview | None:
    """The drawing's texts; None where nothing will show."""
    manifest = view.judgment.manifest
    if manifest is None or manifest.display_name is None or manifest.program_type in (None, "SENTRY"):
        return None
    name, with_logo = manifest.display_name, manifest.program_type == "INFORM with Logo"
    return _phone(
        name.display,
        name.shorthand,
        view.logo if with_logo else None,
        call_reason=visible_text(manifest.call_reason, 60) if with_logo and manifest.call_reason else "",
        note=plain_text("phone_in_review") if view.branding == "in_review" else "",
    )


def explain_missing_preview(view: SubmissionView) -> str:
    """Why there is no phone to draw."""
    manifest = view.judgment.manifest
    return plain_text("phone_sentry" if manifest and manifest.program_type == "SENTRY" else "phone_none")


def preview_branding(of: BrandingPreview) -> CallPreview:
    """What is in review, as a phone will show it."""
    return _phone(of.display, of.shorthand, of.logo)


def _phone(display: str, shorthand: str, logo: bytes | None, *, call_reason: str = "", note: str = "") -> CallPreview:
    short = visible_text(shorthand, _DISPLAY)
    return CallPreview(
        display=visible_text(display, _DISPLAY),
        shorthand=short if len(short) <= _SHORTHAND else short[: _SHORTHAND - 1] + "…",
        initial=next((mark for mark in display if mark.isalnum()), "?").upper()[:1],
        logo=_data_address(logo),
        call_reason=call_reason,
        note=note,
    )


def _data_address(logo: bytes | None) -> str | None:
    """An SVG for `<img>`, where a browser runs no script of it and fetches nothing for it."""
    if not logo or len(logo) >= _LOGO_BYTES:
        return None
    return "data:image/svg+xml;base64," + base64.b64encode(logo).decode()
