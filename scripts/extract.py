"""Run `python -m myvgg.extraction`."""

import sys

from myvgg.extraction.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
