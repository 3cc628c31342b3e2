"""What pip install --no-index --find-links does, without pip."""
import argparse
import pathlib
import sys
import zipfile

parser = argparse.ArgumentParser()
parser.add_argument("--index", type=pathlib.Path)
parser.add_argument("--target", type=pathlib.Path)
parser.add_argument("-r", type=pathlib.Path, dest="requirements")
args = parser.parse_args()
for line in args.requirements.read_text().splitlines():
    line = line.split("#")[0].strip()
    if not line:
        continue
    name, _, version = line.partition("==")
    wheels = sorted(args.index.glob(f"{name}-{version or '*'}-*.whl"))
    if not wheels:
        sys.exit(f"no matching distribution found for {line}")
    zipfile.ZipFile(wheels[-1]).extractall(args.target)
    print("installed", wheels[-1].name)
