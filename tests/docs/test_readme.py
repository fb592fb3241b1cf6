"""README.md lists the required settings: ``python -m tests.docs.test_readme`` updates its table."""

import re
from pathlib import Path

from epimetheus.config.settings import Settings
from tests.docs.test_settings_doc import table

README = Path(__file__).parents[2] / "README.md"
_TABLE = re.compile(r"^\| Setting \|.*?(?=\n\n)", re.MULTILINE | re.DOTALL)


def required_settings():
    """The table of the settings without which no run starts."""
    return table([name for name in Settings.model_fields if Settings.reference(name).default.startswith("required")])


def test_the_readme_lists_the_required_settings():
    assert _TABLE.findall(README.read_text("utf-8")) == [required_settings()], "run python -m tests.docs.test_readme"


def test_the_readme_links_to_the_settings_reference():
    assert "](docs/settings.md)" in README.read_text("utf-8")


if __name__ == "__main__":
    README.write_text(_TABLE.sub(lambda _: required_settings(), README.read_text("utf-8")), "utf-8")
