"""Who is notified? The digest, and the events, runs and artifacts of a Prefect server."""
