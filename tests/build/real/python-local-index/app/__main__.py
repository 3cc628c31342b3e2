import argparse

from politeness import please
from shout import shout

parser = argparse.ArgumentParser()
parser.add_argument("--name", required=True)
print(shout(please(f"come in, {parser.parse_args().name}")))
