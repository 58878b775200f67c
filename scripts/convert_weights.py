"""Run `myvgg convert`."""

import sys

from myvgg.cli.convert import main

sys.exit(main(program="convert_weights.py"))
