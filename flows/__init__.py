"""What happens, in order: taking drops, launching programs, the nightly round, and the commands."""
