"""A hook of mkdocs: pages link to files of the repository as on a code host, and the site has those files.

Where a link leaves docs/, the file that it names is in the site below `repository/`: Markdown as a page, all else
as it is. mkdocs checks the links after that, so one to a file that is not there fails a strict build.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
HOME = "repository"
PAGES = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "charts/adobe-ims-operator/README.md",
    "deploy/argocd/README.md",
    "deploy/kube-state-metrics/README.md",
)
SOURCES = ("LICENSE", "deploy/**/*.yaml", "charts/adobe-ims-operator/values.yaml", "charts/*/dashboards/*.json")
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the repository to the site."""
    for name in (*PAGES, *sorted(str(path.relative_to(ROOT)) for each in SOURCES for path in ROOT.glob(each))):
        files.append(File.generated(config, f"{HOME}/{name}", content=(ROOT / name).read_text()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Write the links of a page as the site has them."""
    here = page.file.src_uri
    return LINK.sub(lambda found: f"]({_site(here, found[1])}{found[2] or ''})", markdown)


def _site(here: str, link: str) -> str:
    origin = here.removeprefix(f"{HOME}/") if here.startswith(f"{HOME}/") else f"docs/{here}"
    target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link))
    if target == "README.md":
        target = "docs/index.md"
    if (ROOT / target).is_dir() and (ROOT / target / "README.md").exists():
        target += "/README.md"
    inside = target.removeprefix("docs/") if target.startswith("docs/") else f"{HOME}/{target}"
    return posixpath.relpath(inside, posixpath.dirname(here) or ".")
