"""The age file format, version 1 (c2sp.org/age), on the primitives of `cryptography`; knows nothing of backups."""
