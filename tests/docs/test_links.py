"""Links in the pages lead to files and headings that exist, and so do the paths of files that the pages name."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "terraform/README.md", "benchmarks/**/*.md", ".github/*.md")
    for page in ROOT.glob(pattern)
    if page.parent.name != "templates"
)
CODE_BLOCK = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
PATH = re.compile(r"`((?:\.github|benchmarks|content|docs|epimetheus|scripts|terraform|tests)/[\w./-]+)`")
WRITTEN_BY_THE_READER = {
    f"terraform/stack/{name}" for name in ("terraform.tfvars", "terraform.tfstate", "deploy.auto.tfvars", "backend.tf")
}  # fmt: skip


def prose(page):
    """The text of a page without its code blocks."""
    return CODE_BLOCK.sub("", page.read_text("utf-8"))


def anchors(page):
    """The fragments that links to a page may have: of its headings, as GitHub derives them, and its own anchors."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    shown = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    derived = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in shown}
    return derived | set(re.findall(r'<a id="([^"]+)"', prose(page)))


def broken(page):
    """The links of a page without a target."""
    for path, fragment in LINK.findall(prose(page)):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (fragment and fragment not in anchors(target)):
            yield f"{path}#{fragment}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_heading(page):
    assert list(broken(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page):
    named = set(PATH.findall(prose(page))) - WRITTEN_BY_THE_READER
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A heading\n[a](page.md#a-heading) [b](page.md#no-heading) [c](none.md)\n```\n[d](none.md)\n```\n", "utf-8")
    assert list(broken(page)) == ["page.md#no-heading", "none.md#"]
