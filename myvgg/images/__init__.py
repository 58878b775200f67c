"""Pictures between files and arrays, and their sizes."""

from myvgg.images.coercion import as_mask, as_picture, as_rgb
from myvgg.images.decoding import Loaded, load, load_mask, load_small, read, text_of
from myvgg.images.encoding import DEEP, LONGEST_SIDES, check_sides, encode, format_of, save
from myvgg.images.finding import find_pictures
from myvgg.images.fitting import CENTRE_CROP, How, Resizing
from myvgg.images.pillow import ImageError
from myvgg.images.resizing import AnyPicture, Mask, Method, Picture, resample, resize, resize_mask
from myvgg.sizes import MAX_PIXELS, target_size

__all__ = [
    "CENTRE_CROP",
    "DEEP",
    "LONGEST_SIDES",
    "MAX_PIXELS",
    "AnyPicture",
    "How",
    "ImageError",
    "Loaded",
    "Mask",
    "Method",
    "Picture",
    "Resizing",
    "as_mask",
    "as_picture",
    "as_rgb",
    "check_sides",
    "encode",
    "find_pictures",
    "format_of",
    "load",
    "load_mask",
    "load_small",
    "read",
    "resample",
    "resize",
    "resize_mask",
    "save",
    "target_size",
    "text_of",
]
