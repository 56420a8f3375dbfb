"""Checks the links of the built site.

Those to its own pages have to lead somewhere, and those to other hosts to be well-formed.

python docs/check_links.py FOLDER

Nothing is fetched. A link to another host has to be an address with https and a host; one to the
site itself has to name a file that is there and, behind #, an element of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import html

MAIL = "mailto"


def main(folder: str) -> int:
    """Prints every link that leads nowhere, and returns 1 if there is one, else 0."""
    root = Path(folder).resolve()
    pages = {path: html.parse(path).getroot() for path in sorted(root.rglob("*.html"))}
    if not pages:
        raise SystemExit(f"{folder}: expected a folder with a site, got no page; run `make docs`")
    anchors = {
        path: {*page.xpath("//@id"), *page.xpath("//a/@name")} for path, page in pages.items()
    }
    links = [(path, link) for path, page in pages.items() for link in links_of(page)]
    mistakes = [
        f"{path.relative_to(root)}: {link} ({reason})"
        for path, link in links
        if (reason := mistake(root, path, link, anchors))
    ]
    print(*mistakes, f"{len(links)} links, {len(mistakes)} lead nowhere", sep="\n")
    return 1 if mistakes else 0


def links_of(page: html.HtmlElement) -> Iterator[str]:
    """Yields the address of every link and every picture of a page."""
    yield from page.xpath("//a/@href | //img/@src")


def mistake(root: Path, page: Path, link: str, anchors: dict[Path, set[str]]) -> str:
    """Returns why a link of a page leads nowhere; nothing if it leads somewhere."""
    address = urlsplit(link)
    if address.scheme or address.netloc:
        return "" if is_well_formed(link) else "not an address with https"
    target = (page.parent / unquote(address.path)).resolve() if address.path else page
    if not target.is_file() or not target.is_relative_to(root):
        return "no such file"
    if address.fragment and unquote(address.fragment) not in anchors.get(target, set()):
        return "no such heading"
    return ""


def is_well_formed(link: str) -> bool:
    """Returns whether a link to another host has https, a host with a dot, and no blank."""
    address = urlsplit(link)
    if address.scheme in (MAIL, "data"):
        return True
    has_host = "." in (address.hostname or "").strip(".")
    return address.scheme == "https" and has_host and not any(map(str.isspace, link))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python docs/check_links.py FOLDER")
    raise SystemExit(main(sys.argv[1]))
