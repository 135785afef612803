"""Settings that must be in place before any test module is imported."""

import os

# Tests that run flows leave Prefect's handlers on launchdrop's loggers. Without this, log lines of later tests, which
# belong to no run, would be errors.
os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
