"""Run `myvgg export`."""

import sys

from myvgg.cli.export import main

sys.exit(main(program="export.py"))
