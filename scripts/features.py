"""Run `python -m myvgg.visualization`."""

import sys

from myvgg.visualization import main

if __name__ == "__main__":
    sys.exit(main())
