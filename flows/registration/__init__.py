"""What happens to a judged drop? Takes a drop, registers it in the ledger, and reruns archived submissions."""
