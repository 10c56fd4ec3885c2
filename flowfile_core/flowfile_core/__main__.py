"""`python -m flowfile_core`: the Core service."""

from flowfile_core.serve import main

if __name__ == "__main__":
    main()
