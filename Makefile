.PHONY: check lint test examples benchmarks

check: lint test

lint:
	ruff format --check .
	ruff check .
	mypy
	lint-imports

test:
	pytest

examples:
	python examples/draw.py

benchmarks:
	python -m benchmarks
