"""From the bytes of a manifest to a checked program, with all findings at once."""
