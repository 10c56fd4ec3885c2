"""The Worker as Core sees it: an HTTP service that is started here or by somebody else."""
