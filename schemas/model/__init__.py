"""The values that all other modules exchange. Frozen, and without rules."""
