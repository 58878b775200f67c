"""Draw the example pictures; every module draws one, from a seed, with `draw()`."""
