"""Files: paths, formats, reading and writing, and what goes wrong with them."""
