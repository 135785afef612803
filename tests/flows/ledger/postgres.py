"""A real PostgreSQL server for the tests, from Debian's binaries. It listens on a socket only."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POSTGRES_MISSING = "the PostgreSQL server is not installed; on Debian: apt-get install postgresql"


def find_postgres_binaries() -> Path | None:
    """The folder with the newest initdb and pg_ctl; None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    plain = shutil.which("pg_ctl")
    return Path(plain).parent if plain else None


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server; gives its SQLAlchemy URL, with `{}` for the name of the database."""
    binaries = find_postgres_binaries()
    if binaries is None:
        raise FileNotFoundError(POSTGRES_MISSING)
    folder = Path(tempfile.mkdtemp(prefix="launchdrop-pg-", dir="/tmp"))
    user = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)

    def call(*command: str | Path) -> None:
        subprocess.run(command, check=True, user=user, cwd=folder, capture_output=True, timeout=120)

    data, options = folder / "data", f"-k {folder} -c listen_addresses= -c fsync=off"
    try:
        call(binaries / "initdb", "-D", data, "-U", "launchdrop", "-A", "trust", "-E", "UTF8", "--no-sync")
        call(binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
        try:
            yield f"postgresql+psycopg://launchdrop@/{{}}?host={folder}"
        finally:
            call(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
