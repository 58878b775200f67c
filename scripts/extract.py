"""Run `myvgg extract`."""

import sys

from myvgg.cli.extract import main

sys.exit(main(program="extract.py"))
