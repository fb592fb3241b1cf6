"""Builds every component from the settings."""

from epimetheus.wiring.wiring import Wiring

__all__ = ["Wiring"]
