"""What plays the services that are told."""

from tests.listener import listener

__all__ = ["listener"]
