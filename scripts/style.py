"""Run `myvgg style`."""

import sys

from myvgg.cli.style import main

sys.exit(main(program="style.py"))
