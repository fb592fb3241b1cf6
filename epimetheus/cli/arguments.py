"""The error for invalid arguments of a command."""

from epimetheus.errors import ConfigError


class ArgumentError(ConfigError):
    """Raised if an argument or option of a command is invalid. Each problem names it, its value, and what is accepted."""

    def __init__(self, *problems: str) -> None:
        super().__init__(problems, do="Correct the command and run it again.")
