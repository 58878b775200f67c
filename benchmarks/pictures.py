"""Pairs of example pictures, content and style, of the kinds that a style transfer meets."""

from __future__ import annotations

PAIRS = (
    # A portrait with a painted portrait: the face must stay a face.
    ("astronaut", "portrait"),
    # Still life with ornament: smooth round forms, and small pieces of strong colours.
    ("coffee", "tiles"),
    # An animal with a flat graphic style: fur, outlines and bands of few colours.
    ("chelsea", "waves"),
    # A landscape with brush strokes: sky, water and trees.
    ("landscape", "strokes"),
    # A drawing: no colours, and lines on paper where the content is flat.
    ("chelsea", "hatching"),
    # Low contrast: a dark and even sky, which the style must not fill with motifs.
    ("rocket", "strokes"),
    # Abstract blocks: large forms of many colours, over a fine and over a plain content.
    ("astronaut", "abstract"),
    ("coffee", "abstract"),
    # The same kinds once more, with other partners.
    ("chelsea", "portrait"),
    ("coffee", "waves"),
    ("landscape", "portrait"),
    ("astronaut", "waves"),
    ("landscape", "hatching"),
    ("rocket", "tiles"),
)
