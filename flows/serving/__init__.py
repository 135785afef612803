"""What stays running? `serve`: its loops, a Prefect server with the runner of its deployments, and the report site."""
