"""`launchdrop serve`: the process that stays running."""
