"""What a called phone will show: drawn on a submission's page, and small next to what is in review."""

import base64
from dataclasses import dataclass

from reports.formatting import ELLIPSIS, plain_text, visible_text
from reports.views import BrandingPreview, SubmissionView
from schemas.manifest.logo import measure_logo

#: The name is drawn up to this length. Carriers take 32 characters or fewer.
_DISPLAY_WIDTH = 64
_SHORTHAND_WIDTH = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPreview:
    """What the called phone shows. `logo` is a `data:` URL."""

    display: str
    shorthand: str
    initial: str
    logo: str | None
    call_reason: str = ""
    note: str = ""


def preview_submission(view: SubmissionView) -> CallPreview | None:
    """The preview of a submission's program, or None if phones will show no name for it."""
    manifest = view.judgment.manifest
    if manifest is None or manifest.display_name is None or manifest.program_type in (None, "SENTRY"):
        return None
    name, with_logo = manifest.display_name, manifest.program_type == "INFORM with Logo"
    return _build_preview(
        name.display,
        name.shorthand,
        view.logo if with_logo else None,
        call_reason=visible_text(manifest.call_reason, 60) if with_logo and manifest.call_reason else "",
        note=plain_text("preview_in_review") if view.branding == "in_review" else "",
    )


def explain_missing_preview(view: SubmissionView) -> str:
    """Why there is nothing to preview."""
    manifest = view.judgment.manifest
    return plain_text("preview_sentry" if manifest and manifest.program_type == "SENTRY" else "preview_none")


def preview_branding(branding: BrandingPreview) -> CallPreview:
    """The preview of a display name or logo that is in review."""
    return _build_preview(branding.display, branding.shorthand, branding.logo)


def _build_preview(
    display: str, shorthand: str, logo: bytes | None, *, call_reason: str = "", note: str = ""
) -> CallPreview:
    short = visible_text(shorthand, _DISPLAY_WIDTH)
    return CallPreview(
        display=visible_text(display, _DISPLAY_WIDTH),
        shorthand=short if len(short) <= _SHORTHAND_WIDTH else short[: _SHORTHAND_WIDTH - 1] + ELLIPSIS,
        initial=next((character for character in display if character.isalnum()), "?").upper()[:1],
        logo=_data_url(logo),
        call_reason=call_reason,
        note=note,
    )


def _data_url(logo: bytes | None) -> str | None:
    """An SVG for `<img>`, where a browser runs none of its scripts and fetches nothing for it.

    An older version may have accepted a logo that breaks a rule now. It is not shown.
    """
    if not logo or measure_logo(logo) is None:
        return None
    return "data:image/svg+xml;base64," + base64.b64encode(logo).decode()
