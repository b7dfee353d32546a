# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the collection and compare what is at the top of the tarball with the list below."""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

REQUIRED = {"FILES.json", "MANIFEST.json", "LICENSE", "LICENSES", "README.md", "meta", "playbooks", "plugins", "roles"}
ALLOWED = REQUIRED | {"CHANGELOG.rst", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "changelogs", "docs"}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        build = ["ansible-galaxy", "collection", "build", "--output-path", folder]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        (tarball,) = Path(folder).glob("*.tar.gz")
        with tarfile.open(tarball) as archive:
            found = {name.split("/")[0] for name in archive.getnames()}
    for name in sorted(found - ALLOWED):
        print(f"{name}: must not be in the tarball (galaxy.yml, build_ignore)")
    for name in sorted(REQUIRED - found):
        print(f"{name}: is missing in the tarball")
    return 0 if REQUIRED <= found <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
