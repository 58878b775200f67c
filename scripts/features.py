"""Run `myvgg features`."""

import sys

from myvgg.cli.features import main

sys.exit(main(program="features.py"))
