"""Before anything of the tests is loaded."""

import os

# A test that runs flows leaves Prefect's handlers on our loggers, and later ones have no run to send their lines to.
os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
