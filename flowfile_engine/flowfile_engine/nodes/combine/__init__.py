"""Node types of the group `combine`."""
