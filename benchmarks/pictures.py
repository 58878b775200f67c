"""Pairs of example pictures, content and style, of the kinds that a style transfer meets."""

from __future__ import annotations

PAIRS = (
    # A portrait with a painted portrait: the face must stay a face.
    ("astronaut", "portrait"),
    # Animals: fur with painted strokes, with flat waves, with ink.
    ("chelsea", "portrait"),
    ("chelsea", "waves"),
    ("chelsea", "hatching"),
    # Still life with ornament: smooth round forms, and small pieces of strong colours.
    ("coffee", "tiles"),
    ("coffee", "waves"),
    # Landscapes with brush strokes: sky, water and trees.
    ("landscape", "strokes"),
    ("landscape", "portrait"),
    # A flat graphic style: outlines and bands of few colours.
    ("astronaut", "waves"),
    # Abstract blocks: large forms of many colours, over a fine and over a plain content.
    ("astronaut", "abstract"),
    ("coffee", "abstract"),
    # A drawing: no colours, and lines on paper where the content is flat.
    ("landscape", "hatching"),
    # Low contrast: a dark and even sky, which the style must not fill with motifs.
    ("rocket", "strokes"),
    ("rocket", "tiles"),
)
