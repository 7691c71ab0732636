"""Placeholder until its plugin is written."""
