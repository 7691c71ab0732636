"""Amazon S3, and stores that speak its protocol.

Two libraries share the work. obstore sends and reads small objects: written in Rust, it does so in less than half the time. Everything
else (uploads in parts, locks, deleting, listing, signing, finding credentials) is botocore's, which knows all of the protocol.
"""
