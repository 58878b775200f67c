"""Run `python -m myvgg.classification`."""

import sys

from myvgg.classification import main

if __name__ == "__main__":
    sys.exit(main())
