"""The values that everything else speaks in. Frozen, with no rules of their own."""
