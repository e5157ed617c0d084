"""Finding, choosing and restoring a checkpoint."""
