# launchdrop in a container: built from the lock file, runs as an unprivileged user on a read-only root.
#
#   docker build -t launchdrop:0.1.0 .
#   docker run --init --read-only --tmpfs /tmp -v launchdrop:/data launchdrop:0.1.0 launchdrop run
#
# It runs in /data and can write only there and in /tmp. Inbox, reports, archive and ledger are in /data by default
# (settings: flows/operations/README.md). There is no ENTRYPOINT, so that a Prefect worker can pass a whole command.
FROM python:3.12-slim AS build
WORKDIR /build
RUN python -m venv /opt/launchdrop
COPY requirements-runtime.lock ./
RUN /opt/launchdrop/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY reports reports
COPY flows flows
RUN /opt/launchdrop/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/launchdrop/bin/pip check

FROM python:3.12-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin launchdrop \
 && install -d -o launchdrop -g launchdrop -m 0750 /data
COPY --from=build /opt/launchdrop /opt/launchdrop
COPY prefect.yaml /opt/launchdrop/
# Python cannot write bytecode at run time; pip has compiled everything.
ENV PATH=/opt/launchdrop/bin:$PATH \
    HOME=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONSAFEPATH=1 \
    PREFECT_HOME=/data/.launchdrop/prefect \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    LAUNCHDROP_LOG=json
USER 10001:10001
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=60s --timeout=30s --start-period=120s CMD ["launchdrop", "doctor", "--quiet"]
CMD ["launchdrop", "serve"]
