"""Emulated hosts: see ../README.md."""

from .host import Host, Skip, ssh_command

__all__ = ["Host", "Skip", "ssh_command"]
