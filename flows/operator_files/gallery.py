"""The image gallery: approved logos that the operator keeps in `_logos/<business>/` of the inbox."""

from flows.stores import Store, StoreError, read

GALLERY = "_logos"
#: IMG-003 refuses an image of 200 KB; no more than this of one is ever read.
LOGO_READ = 1 << 20


def gallery_logo(inbox: Store, business: str, name: str) -> bytes | None:
    """The bytes of a business's gallery image by its name; None: there is none."""
    try:
        return read(inbox, f"{GALLERY}/{business}/{name}", LOGO_READ)
    except StoreError:
        return None
