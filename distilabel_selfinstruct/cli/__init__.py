"""The command line."""

from distilabel_selfinstruct.cli.script import main

__all__ = ["main"]
