"""A dry run: judges a drop folder, a manifest or a numbers CSV on disk, without ledger or server, and writes nothing.

Files on the user's machine are trusted no more than uploads: they are read and never executed.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from flows.errors import LaunchdropError
from flows.operator_files.area_codes import load_area_codes
from flows.operator_files.do_not_originate import load_do_not_originate
from flows.operator_files.gallery import GALLERY_FOLDER
from flows.settings import Settings
from flows.stores import iter_blocks
from schemas.judge import judge, judge_csv, parse_drop_manifest
from schemas.manifest.businesses_yaml import BUSINESSES_FILE, BusinessesError, parse_businesses
from schemas.manifest.logo import MAX_PARSED_BYTES
from schemas.model.business import Business
from schemas.model.callbacks import OpenSpillFile, Progress
from schemas.model.drop import Drop, DropFile, explain_refused_kind
from schemas.model.filenames import MANIFEST_NAMES, is_partial_upload, match_names
from schemas.model.ids import SubmissionDigest, make_submission_id
from schemas.model.judging_context import JudgingContext
from schemas.model.judgment import Judgment

if TYPE_CHECKING:
    from schemas.rows.types import RowWorkers


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """The result. `id` and `digest` are those the submission would get if it were taken now.

    `owner` is the business whose folder the drop is in, else the one that its manifest names. `business` is its entry
    in businesses.yaml.
    """

    id: str
    digest: str
    drop: str
    owner: str | None = None
    business: Business | None
    judgment: Judgment


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    settings: Settings
    now: datetime
    open_spill: OpenSpillFile
    workers: "RowWorkers | None"
    progress: Progress | None


def check_path(
    path: Path,
    businesses: Path | None,
    settings: Settings,
    now: datetime,
    *,
    open_spill: OpenSpillFile,
    workers: "RowWorkers | None" = None,
    progress: Progress | None = None,
) -> DryRun:
    """Judge a drop folder, a manifest or a numbers CSV.

    `businesses` is the businesses.yaml to use; the default is the nearest one above the drop. Raises LaunchdropError if
    there is nothing at `path`, or it cannot be read.
    """
    options = _Options(settings=settings, now=now, open_spill=open_spill, workers=workers, progress=progress)
    path = path.absolute()
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as e:
        raise LaunchdropError(f"{path}: cannot be read: {e.strerror}") from None
    if is_folder:
        return _check_drop(path.resolve(), businesses, options)
    if not is_file:
        raise LaunchdropError(f"{path}: not found. Expected a drop folder, a manifest (.yaml) or a numbers CSV.")
    if path.suffix.lower() in (".yaml", ".yml"):
        return _check_drop(path.parent.resolve(), businesses, options, manifest=path)
    return _check_csv(path, options)


def _check_csv(path: Path, options: _Options) -> DryRun:
    file = _describe_file(path.parent, path)
    digest = hashlib.sha256(bytes.fromhex(file.sha256)).hexdigest()
    judgment = judge_csv(
        file,
        options.settings.policy,
        options.now,
        area_codes=load_area_codes(options.settings),
        caps=options.settings.caps,
        open_spill=options.open_spill,
        workers=options.workers,
        progress=options.progress,
    )
    submission = make_submission_id(options.now, digest)
    return DryRun(id=submission, digest=digest, drop=path.name, business=None, judgment=judgment)


def _check_drop(folder: Path, businesses: Path | None, options: _Options, manifest: Path | None = None) -> DryRun:
    settings = options.settings
    businesses = businesses or _find_businesses_file(folder)
    drop = _read_drop(folder, _find_inbox_business(folder, businesses), manifest)
    parsed = parse_drop_manifest(drop, settings.policy, settings.caps)
    owner = drop.business or (parsed.manifest.business if parsed and parsed.manifest else None)
    context = _make_context(owner, businesses, settings)
    judgment = judge(
        drop,
        context,
        settings.policy,
        options.now,
        parsed=parsed,
        caps=settings.caps,
        open_spill=options.open_spill,
        workers=options.workers,
        progress=options.progress,
    )
    digest = _compute_digest(drop, judgment)
    return DryRun(
        id=make_submission_id(options.now, digest),
        digest=digest,
        drop=drop.name,
        owner=owner,
        business=context.business,
        judgment=judgment,
    )


def _find_businesses_file(folder: Path) -> Path | None:
    """The nearest businesses.yaml above the drop."""
    return next((p / BUSINESSES_FILE for p in folder.parents if (p / BUSINESSES_FILE).is_file()), None)


def _find_inbox_business(folder: Path, businesses: Path | None) -> str | None:
    """The business whose folder the drop is in. None unless businesses.yaml is two folders up, as in an inbox."""
    return folder.parent.name if businesses and folder.parent.parent == businesses.parent.resolve() else None


def _read_drop(folder: Path, business: str | None, manifest: Path | None) -> Drop:
    files: dict[str, DropFile] = {}
    refused: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            refused[name] = explain_refused_kind("link")
        elif path.is_file() and not is_partial_upload(name):
            files[name] = _describe_file(folder, path)
    names = (manifest.name,) if manifest else MANIFEST_NAMES
    manifests = tuple(files.pop(name) for name in names if name in files)
    return Drop(business=business, name=folder.name, manifests=manifests, files=files, refused=refused)


def _describe_file(folder: Path, path: Path) -> DropFile:
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


def _make_context(owner: str | None, businesses: Path | None, settings: Settings) -> JudgingContext:
    """What a dry run knows: businesses.yaml, its gallery and the operator's lists, if there are any. No ledger."""
    lists = JudgingContext(
        do_not_originate=load_do_not_originate(settings),
        area_codes=load_area_codes(settings),
    )
    if businesses is None:
        return lists
    business = _read_businesses(businesses).get(owner or "")
    gallery = partial(_read_logo, businesses.parent / GALLERY_FOLDER / business.id) if business else _no_logo
    return replace(lists, business=business, is_registered=business is not None, gallery=gallery)


def _read_businesses(path: Path) -> dict[str, Business]:
    try:
        return {business.id: business for business in parse_businesses(path.read_bytes())}
    except OSError as e:
        raise LaunchdropError(f"{path}: cannot be read: {e.strerror}") from None
    except BusinessesError as e:
        raise LaunchdropError(f"{path}: {e}") from None


def _read_logo(folder: Path, name: str) -> bytes | None:
    """The bytes of a gallery image, cut as in `read_gallery_logo`; None if there is no such image."""
    path = folder / name
    if path.parent != folder or not path.is_file():
        return None
    with path.open("rb") as f:
        return f.read(MAX_PARSED_BYTES + 1)


def _no_logo(_name: str) -> bytes | None:
    return None


def _compute_digest(drop: Drop, judgment: Judgment) -> str:
    """The digest that the drop would get if it were taken."""
    digest = SubmissionDigest()
    for manifest in sorted(drop.manifests, key=lambda m: m.name):
        with manifest.open() as f:
            for _ in digest.add_manifest(iter_blocks(f), manifest.bytes):
                pass
    parsed = judgment.manifest
    names = dict.fromkeys(named.file for named in parsed.files) if parsed else {}
    if parsed and parsed.logo:
        names[parsed.logo] = None
    for name, found in match_names(names, drop.files).items():
        digest.add_file(name, drop.files[found].sha256)
    return digest.hexdigest()
