"""`python -m release REGISTRY`: brings images and chart into a registry."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from release import signing
from release.identity import IMAGES, Release
from release.publish import publish
from release.signing import Key, Keyless, Signer
from release.tools import ToolError
from testbed import image
from testbed.binaries import REPOSITORY
from testbed.go_build import BuildError
from testbed.helm import HelmError

BUILT = dict(zip(IMAGES, image.STAGES, strict=True))


def main() -> None:
    """Publish, and print what was published."""
    parser = argparse.ArgumentParser(prog="python -m release", description=main.__doc__)
    parser.add_argument("registry", help="host and path, such as registry.example.com/team; log in with docker first")
    parser.add_argument("--source", default="", help="URL of the repository")
    parser.add_argument("--archives", type=Path, help="folder with NAME-ARCHITECTURE.tar; default: build them here")
    parser.add_argument("--base", default="", help="the image by its digest that the images are built on")
    parser.add_argument("--files", type=Path, nargs="*", default=[], help="files to sign too")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--key", type=Path, help="sign with this key of cosign's; COSIGN_PASSWORD is its password")
    how.add_argument("--keyless", action="store_true", help="sign as the workflow that runs")
    given = parser.parse_args()
    release = Release.here(given.registry.rstrip("/").lower(), given.source, _commit())
    try:
        if given.archives:
            archives = {name: sorted(given.archives.absolute().glob(f"{name}-*.tar")) for name in IMAGES}
        else:
            archives = {name: [image.build(built)] for name, built in BUILT.items()}
        if missing := [name for name, found in archives.items() if not found]:
            sys.exit(f"{given.archives} holds no archive of {', '.join(missing)}")
        signer = _signer(given.key, given.keyless)
        pushed = publish(release, archives, signer, given.base)
        if signer:
            for path in given.files:
                signing.sign_file(path.absolute(), signer)
    except (ToolError, HelmError, BuildError, image.ImageError) as error:
        sys.exit(str(error))
    for name, reference in pushed.items():
        sys.stdout.write(f"{name}: {reference}\n")


def _signer(key: Path | None, keyless: bool) -> Signer | None:
    if keyless:
        return Keyless()
    return Key(key.absolute(), os.environ.get("COSIGN_PASSWORD", "")) if key else None


def _commit() -> str:
    """Return the commit that is released, and refuse to name one that the files are not of."""
    if changed := _git("status", "--porcelain"):
        sys.exit(f"a release is made of a commit, and these files are of none: commit them first\n{changed}")
    return _git("rev-parse", "HEAD")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"a release is made in a clone of the repository: git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
