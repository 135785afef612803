"""From the bytes of a manifest to a program, with every finding at once."""
