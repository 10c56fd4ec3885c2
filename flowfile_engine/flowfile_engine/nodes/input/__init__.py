"""Node types of the group `input`."""
