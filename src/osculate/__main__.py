"""``python -m osculate``: the command line without its script."""

import sys

from osculate._cli import main

if __name__ == "__main__":
    sys.exit(main())
