"""Run the command `myvgg` by `python -m myvgg`."""

import sys

from myvgg.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
