"""A dry run: judge a drop folder, a manifest or a numbers CSV where it lies. No ledger, no server, nothing written.

What lies on the machine of whoever types the command is trusted no more than an upload: it is read, never run.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from flows.errors import LaunchdropError
from flows.operator_files.do_not_originate import load_do_not_originate
from flows.settings import Settings
from flows.validation.scratch import OpenSpillFile
from schemas.judge import judge, judge_csv, parse_manifest_of
from schemas.manifest.businesses_yaml import BusinessesError, read_businesses
from schemas.model.business import Business
from schemas.model.drop import Drop, DropFile, Known
from schemas.model.filenames import under_way
from schemas.model.ids import Digest, submission_id
from schemas.model.judgment import Judgment

if TYPE_CHECKING:
    from schemas.rows.types import RowWorkers

MANIFESTS = ("program.yaml", "program.yml")
BUSINESSES = "businesses.yaml"
GALLERY = "_logos"
MiB = 1 << 20

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What a dry run gives. `id` is what the submission would be called if it were taken now.

    `owner` is the business whose inbox the drop is in, else the one its manifest names; `business` what is known of it.
    """

    id: str
    digest: str
    drop: str
    owner: str | None = None
    business: Business | None
    judgment: Judgment


def check(
    path: Path,
    businesses: Path | None,
    settings: Settings,
    now: datetime,
    *,
    open_spill: OpenSpillFile,
    workers: "RowWorkers | None" = None,
    progress: Tell | None = None,
) -> DryRun:
    """Judge what lies at `path`. Raises LaunchdropError when it is not there or is neither drop, manifest nor CSV."""
    path = path.absolute()
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as e:
        raise LaunchdropError(f"{path}: cannot be read: {e.strerror}") from None
    if is_folder:
        return _check_drop(path.resolve(), businesses, settings, now, open_spill, workers, progress)
    if not is_file:
        raise LaunchdropError(f"{path}: expected a drop folder, a manifest (.yaml) or a numbers CSV; nothing is there.")
    if path.suffix.lower() in (".yaml", ".yml"):
        return _check_drop(
            path.parent.resolve(), businesses, settings, now, open_spill, workers, progress, manifest=path
        )
    return _check_csv(path, settings, now, open_spill, workers, progress)


def _check_csv(
    path: Path,
    settings: Settings,
    now: datetime,
    open_spill: OpenSpillFile,
    workers: "RowWorkers | None",
    progress: Tell | None,
) -> DryRun:
    file = _file(path.parent, path)
    digest = hashlib.sha256(bytes.fromhex(file.sha256)).hexdigest()
    judgment = judge_csv(
        file, settings.policy, caps=settings.caps, open_spill=open_spill, workers=workers, progress=progress
    )
    return DryRun(id=submission_id(now, digest), digest=digest, drop=path.name, business=None, judgment=judgment)


def _check_drop(
    folder: Path,
    businesses: Path | None,
    settings: Settings,
    now: datetime,
    open_spill: OpenSpillFile,
    workers: "RowWorkers | None",
    progress: Tell | None,
    manifest: Path | None = None,
) -> DryRun:
    registry = businesses or _above(folder)
    drop = _drop(folder, _tenant(folder, registry), manifest)
    parsed = parse_manifest_of(drop, settings.policy, settings.caps)
    named = parsed.manifest.business if parsed and parsed.manifest else None
    known = _known(drop.business or named, registry, settings)
    judgment = judge(
        drop,
        known,
        settings.policy,
        now,
        parsed=parsed,
        caps=settings.caps,
        open_spill=open_spill,
        workers=workers,
        progress=progress,
    )
    digest = _digest(drop, judgment)
    return DryRun(
        id=submission_id(now, digest),
        digest=digest,
        drop=drop.name,
        owner=drop.business or named,
        business=known.business,
        judgment=judgment,
    )


def _above(folder: Path) -> Path | None:
    """The nearest businesses.yaml above the drop."""
    return next((p / BUSINESSES for p in folder.parents if (p / BUSINESSES).is_file()), None)


def _tenant(folder: Path, registry: Path | None) -> str | None:
    """The business whose inbox the drop is in: known where businesses.yaml lies two folders up, as in an inbox."""
    return folder.parent.name if registry and folder.parent.parent == registry.parent.resolve() else None


def _drop(folder: Path, business: str | None, manifest: Path | None) -> Drop:
    files: dict[str, DropFile] = {}
    refused: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            refused[name] = "a link, not a file of the drop"
        elif path.is_file() and not under_way(name):
            files[name] = _file(folder, path)
    wanted = (manifest.name,) if manifest else MANIFESTS
    manifests = tuple(files.pop(name) for name in wanted if name in files)
    return Drop(business=business, name=folder.name, manifests=manifests, files=files, refused=refused)


def _file(folder: Path, path: Path) -> DropFile:
    try:
        with path.open("rb") as f:
            sha256 = hashlib.file_digest(f, "sha256").hexdigest()
            size = f.tell()
    except OSError as e:
        raise LaunchdropError(f"{path}: cannot be read: {e.strerror}") from None
    name = path.relative_to(folder).as_posix()
    return DropFile(name=name, bytes=size, sha256=sha256, open=partial(_open, path))


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _known(name: str | None, registry: Path | None, settings: Settings) -> Known:
    """What a dry run knows: the operator's businesses.yaml and lists, where they are at hand; never the ledger."""
    listed = load_do_not_originate(settings)
    if registry is None:
        return Known(do_not_originate=listed)
    business = _registered(registry).get(name or "")
    gallery = partial(_logo, registry.parent / GALLERY / business.id) if business else _no_logo
    return Known(business=business, registered=business is not None, do_not_originate=listed, gallery=gallery)


def _registered(registry: Path) -> dict[str, Business]:
    try:
        return {b.id: b for b in read_businesses(registry.read_bytes())}
    except OSError as e:
        raise LaunchdropError(f"{registry}: cannot be read: {e.strerror}") from None
    except BusinessesError as e:
        raise LaunchdropError(f"{registry}: {e}") from None


def _logo(gallery: Path, name: str) -> bytes | None:
    path = gallery / name
    return path.read_bytes() if path.parent == gallery and path.is_file() else None


def _no_logo(_name: str) -> bytes | None:
    return None


def _digest(drop: Drop, judgment: Judgment) -> str:
    """The digest that intake would give this drop."""
    digest = Digest()
    for manifest in sorted(drop.manifests, key=lambda m: m.name):
        with manifest.open() as f:
            for _ in digest.manifest(iter(partial(f.read, MiB), b""), manifest.bytes):
                pass
    understood = judgment.manifest
    named = dict.fromkeys(n.file for n in understood.files) if understood else {}
    if understood and understood.logo:
        named[understood.logo] = None
    for name in named:
        if name in drop.files:
            digest.file(name, drop.files[name].sha256)
    return digest.hexdigest()
