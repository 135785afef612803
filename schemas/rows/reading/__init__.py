"""From a file's bytes to records."""
