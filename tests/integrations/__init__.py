"""Tests of the library inside of other programs."""
