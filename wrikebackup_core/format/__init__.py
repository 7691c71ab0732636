"""The on-disk format: pure functions from values to bytes and back. docs/format.md describes what they write."""
