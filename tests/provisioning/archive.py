"""A Debian archive in miniature: packages of no content, for the real apt to read."""

import hashlib
import subprocess


class Archive:
    """A folder with packages. sources: what stands for mmdebstrap's own sources.list."""

    def __init__(self, folder):
        self.folder = folder
        self.asked = 0
        folder.mkdir()
        self.publish()

    def sources(self, _work):
        self.asked += 1
        return f"deb [trusted=yes] copy:{self.folder} ./\n"

    def add(self, name, version, arch="all", **fields):
        """Put a package there beside the others; return its file."""
        tree = self.folder / f"{name}-tree"
        (tree / "DEBIAN").mkdir(parents=True, exist_ok=True)
        about = {"Package": name, "Version": version, "Architecture": arch, "Description": name}
        about |= {"Maintainer": "Nobody <nobody@example.org>"}
        about |= {field.replace("_", "-"): value for field, value in fields.items()}
        control = "".join(f"{field}: {value}\n" for field, value in about.items())
        (tree / "DEBIAN/control").write_text(control)
        file = self.folder / f"{name}_{version.replace(':', '.')}_{arch}.deb"
        command = ["dpkg-deb", "--build", "--root-owner-group", tree, file]
        subprocess.run(command, check=True, capture_output=True)
        self.publish()
        return file

    def publish(self):
        """Write the index of what is there now."""
        entries = []
        for file in sorted(self.folder.glob("*.deb")):
            fields = subprocess.run(
                ["dpkg-deb", "--field", file], check=True, capture_output=True, text=True
            ).stdout
            sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
            size = file.stat().st_size
            entries.append(f"{fields}Filename: ./{file.name}\nSize: {size}\nSHA256: {sha256}\n")
        (self.folder / "Packages").write_text("\n".join(entries))
