"""Node types: one file each, in the folder of their group. `registry` finds them."""
