"""Features of any number of pictures, from files to a file: on this machine, or on many by Ray.

`plan` says what is wanted, `decoding` brings pictures to the network, `local` and `cluster` work the list off in parts
that are kept until all are there, and `table` puts them together.
"""
