"""The library behind `extract` and `classify`: features of any number of pictures, in memory or in a file.

`library` has the function, and `recipe` the record of all that decides the features. `prefetching` reads pictures in
threads, `batching` computes them, `local` and `distributed` work off a list on this machine or on a Ray cluster, with
`pipeline` and `actors` for the latter. `parts` keeps the rows that are done, `assembling` puts them in order,
`finished` compares a finished file with what is asked for, `storing` goes on from all of them, `writers` writes one
file, and `readers` reads such files. `classification` names the objects in pictures.
"""
