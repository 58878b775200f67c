"""Run `myvgg classify`."""

import sys

from myvgg.cli.classify import main

sys.exit(main(program="classify.py"))
