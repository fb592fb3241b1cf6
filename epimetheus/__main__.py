"""``python -m epimetheus``."""

from epimetheus.cli import app

app()
