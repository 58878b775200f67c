"""How fast and how frugal this project is, beside what else could do the same: `python -m benchmarks`.

Each module measures one thing in `run()`, which yields a `Result` for every figure, says in its docstring what it holds
equal on both sides, and lists in `NEEDS` the packages without which there is nothing to measure.
"""
