"""Builds every component from the settings, and runs every region with them."""

from epimetheus.wiring.wiring import Wiring

__all__ = ["Wiring"]
