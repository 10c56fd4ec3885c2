"""The Core service: flows, runs, live events, kernels, catalog, schedules and people."""
