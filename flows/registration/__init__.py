"""What happens to a settled drop? Takes a drop, registers it in the ledger, and reruns archived submissions."""
