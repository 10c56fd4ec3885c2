"""`python -m flowfile`: the command line."""

import sys

from flowfile.cli import main

if __name__ == "__main__":
    sys.exit(main())
