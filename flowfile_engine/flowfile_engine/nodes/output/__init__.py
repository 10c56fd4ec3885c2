"""Node types of the group `output`."""
