"""What stays running? `serve`: its loops, a Prefect server with the runner of its deployments, and the report site."""

#: The address that the servers of `serve` listen on, so that only this machine can reach them.
LOOPBACK = "127.0.0.1"
