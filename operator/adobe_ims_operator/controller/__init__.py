"""Works on what is due: queue, workers, reconcile, fetch, report."""
