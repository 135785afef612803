"""The operator's tools: doctor, metrics, prune and the restore guard. README.md is the operator's guide."""
