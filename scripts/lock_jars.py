"""Resolves what each Java server runs from, and writes it to src/headwater/services/locks/NAME.jars."""

import re
import sys
import tempfile
from pathlib import Path

from headwater.services.jars import LOCKS, Jar, fetch, project, run_maven, sha256_of

ROOTS = {
    "cassandra": ["org.apache.cassandra:cassandra-all:5.0.9"],
    "opensearch": [
        "org.opensearch:opensearch:2.19.6",
        "org.opensearch:opensearch-plugin-classloader:2.19.6",
        "org.opensearch.plugin:transport-netty4-client:2.19.6",
        "org.opensearch.plugin:reindex-client:2.19.6",
        "org.apache.logging.log4j:log4j-core:2.25.4",
    ],
}
"""The servers by name, and the artifacts that bring everything else with them."""
NOT_OURS = ("osx", "windows", "riscv64", "s390", "ppc")
"""Jars of machine code for systems that Headwater does not run on: part of their classifier."""
HEADING = "# What {roots} needs, as resolved by `make services-lock`.\n"
_LISTED = re.compile(r"^\s+(?P<fields>[\w.-]+(?::[\w.-]+){4,5})(?:\s|$)", re.MULTILINE)


def lock(name: str, roots: list[str]) -> str:
    """The text of a lock."""
    wanted = project([_root(root) for root in roots], alone=False)
    with tempfile.TemporaryDirectory() as made:
        listed = Path(made) / "list"
        run_maven(wanted, "list", f"-DoutputFile={listed}")
        fetch(wanted, Path(made) / "jars")
        jars = [jar for jar in read_list(listed.read_text()) if not any(word in jar.classifier for word in NOT_OURS)]
        lines = [f"{jar.coordinates} {sha256_of(Path(made) / 'jars' / jar.file_name)}\n" for jar in sorted(jars)]
    print(f"{name}: {len(lines)} jars")
    return HEADING.format(roots=", ".join(roots)) + "".join(lines)


def read_list(text: str) -> list[Jar]:
    """The artifacts of Maven's list, `group:artifact:type[:classifier]:version:scope` each, with no checksum yet."""
    jars = []
    for match in _LISTED.finditer(text):
        group, artifact, _, *classifier, version, _ = match["fields"].split(":")
        jars.append(Jar(group, artifact, version, "".join(classifier), ""))
    return jars


def _root(coordinates: str) -> Jar:
    group, artifact, version = coordinates.split(":")
    return Jar(group, artifact, version, "", "")


def main() -> int:
    LOCKS.mkdir(exist_ok=True)
    for name, roots in ROOTS.items():
        (LOCKS / f"{name}.jars").write_text(lock(name, roots), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
