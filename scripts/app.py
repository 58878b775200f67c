"""Run `myvgg app`."""

import sys

from myvgg.cli.page import main

sys.exit(main(program="app.py"))
