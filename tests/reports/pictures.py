"""Takes the pictures of the pages in reports/pictures/ for reports/README.md. Look at each after a design change.

Run it as `make pictures`.
"""

import base64
import struct
import zlib
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from reports.index_pages import business_index, operator_index
from reports.report_page import report_html
from tests.reports import samples
from tests.reports.conftest import CHROMIUM, FLAGS

FOLDER = Path(__file__).parents[2] / "reports" / "pictures"
#: Larger pictures would make every clone large.
MAX_BYTES = 150_000

#: (file, page, width, height, dark)
PICTURES = (
    ("report", lambda: report_html(samples.with_rejections()), 1280, 1560, False),
    ("report-dark", lambda: report_html(samples.accepted()), 1280, 1240, True),
    ("report-phone", lambda: report_html(samples.with_rejections()), 390, 1240, False),
    ("report-rejected", lambda: report_html(samples.rejected()), 1280, 1240, False),
    ("business", lambda: business_index(samples.business_index()), 1280, 1240, False),
    ("operator", lambda: operator_index(samples.operator_index()), 1280, 1300, False),
)

_DECODE_SCRIPT = """async (png) => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const data = canvas.getImageData(0, 0, image.width, image.height).data;
  let text = "";
  for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
  return btoa(text);
}"""


def encode_with_palette(pixels: np.ndarray) -> bytes:
    """A PNG of these (height, width, 3) pixels with 256 colors: a third of the bytes without a visible difference."""
    height, width, _ = pixels.shape
    colors = pixels.reshape(-1, 3).astype(np.int64)
    coarse = (colors >> 3) @ np.array([1 << 10, 1 << 5, 1])
    _, group, counts = np.unique(coarse, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(group, colors[:, i]) / counts for i in range(3)], axis=1)
    palette = means[np.argsort(-counts)[:256]]
    nearest = np.array([np.abs(palette - mean).sum(axis=1).argmin() for mean in means], dtype=np.uint8)
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # each row starts with its filter type, 0 for none
    rows[:, 1:] = nearest[group].reshape(height, width)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette.round().astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_encode_chunk(kind, body) for kind, body in chunks)


def _encode_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def decode_png(page: Page, png: bytes, width: int, height: int) -> np.ndarray:
    """The (height, width, 3) pixels of a PNG, decoded by the browser."""
    data = base64.b64decode(page.evaluate(_DECODE_SCRIPT, base64.b64encode(png).decode()))
    return np.frombuffer(data, dtype=np.uint8).reshape(height, width, 4)[:, :, :3]


def take_picture(browser: Browser, name: str, text: str, width: int, height: int, dark: bool) -> None:
    """Writes one picture into the folder."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light")
    page.set_content(text)
    screenshot = page.screenshot()
    page.close()
    blank = browser.new_page()  # the page's own policy would stop the decoding script
    picture = encode_with_palette(decode_png(blank, screenshot, width, height))
    blank.close()
    assert len(picture) < MAX_BYTES, f"{name}.png has {len(picture):,} bytes; the limit is {MAX_BYTES:,}"
    (FOLDER / f"{name}.png").write_bytes(picture)
    print(f"{name}.png {len(picture):,} bytes")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for name, text, width, height, dark in PICTURES:
            take_picture(browser, name, text(), width, height, dark)
        browser.close()


if __name__ == "__main__":
    main()
