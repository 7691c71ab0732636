"""Object stores as sinks: what S3 and Google Cloud Storage have in common.

An object is sent whole with one request, or, where it is larger than a piece, in pieces that the store puts together on commit. Until
then it does not exist, and afterwards it is durable: a barrier has nothing left to do. `bucket.py` says what a store must be able to.
"""
