"""A folder of wheels from a folder of sources: one a package, named by its VERSION."""
import pathlib
import sys
import zipfile

source, index = map(pathlib.Path, sys.argv[1:])
index.mkdir()
for package in sorted(p for p in source.iterdir() if p.is_dir()):
    version = (package / "VERSION").read_text().strip()
    with zipfile.ZipFile(index / f"{package.name}-{version}-py3-none-any.whl", "w") as wheel:
        for file in sorted(package.rglob("*.py")):
            wheel.write(file, file.relative_to(source))
        wheel.writestr(f"{package.name}-{version}.dist-info/METADATA",
                       f"Metadata-Version: 2.1\nName: {package.name}\nVersion: {version}\n")
