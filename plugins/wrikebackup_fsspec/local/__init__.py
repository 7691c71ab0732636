"""A folder of this machine as a sink.

How an object is put: a temporary file in the target's own folder, then *published* under its name by an operation that cannot
replace what is there (publish.py), and *durable* after the next barrier (barrier.py).
"""
