"""Run `python -m converters`."""

import sys

from converters.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
