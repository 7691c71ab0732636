"""A folder on a server that SSH reaches, as a sink.

asyncssh's own SFTP client does the talking, in an event loop that has a thread to itself (loop.py). What is called from other threads
is in sink.py, writer.py and reader.py; all other modules run in the loop.

How an object is put: a temporary file beside the target, many requests in flight (upload.py), its length compared, then *published*
by an operation that was seen not to replace what is there (publish.py), and *durable* after the next barrier (barrier.py).
"""
