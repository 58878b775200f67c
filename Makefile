.PHONY: check lint test docs examples benchmarks

check: lint docs test

lint:
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	python -m tests.house

test:
	pytest

docs:
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

examples:
	python examples/draw.py

benchmarks:
	python -m benchmarks
