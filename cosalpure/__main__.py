"""`python -m cosalpure` is the command `cosalpure` of this Python."""

import sys

from cosalpure.cli import main

if __name__ == "__main__":
    sys.exit(main())
