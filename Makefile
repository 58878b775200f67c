.PHONY: check lint test examples benchmarks

check: lint test

lint:
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	python -m tests.house

test:
	pytest

examples:
	python examples/draw.py

benchmarks:
	python -m benchmarks
