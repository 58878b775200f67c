"""Run `python -m myvgg.nst`."""

import sys

from myvgg.nst.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
