"""The step tables of the sources: prints "type:step place" for each step of each operation."""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
for path in sorted(ROOT.glob("src/*/*.c")):
    text = path.read_text()
    tables = {name: re.findall(r'\{\s*"([a-z-]+)",\s*(ON_\w+)', body)
              for name, body in re.findall(r"struct op_step (\w+)\[\]\s*=\s*\{(.*?)\n\};", text, re.S)}
    seen = set()
    text = re.sub(r"\.(name|class|size|steps) = ", "", text)
    for kind, steps in re.findall(r'struct op_type \w+\s*=\s*\{\s*"([a-z]+/[a-z-]+)",\s*OP_\w+,\s*sizeof\(struct \w+\),\s*(\w+)', text):
        for step, place in tables.get(steps, []):
            if (kind, step) not in seen:
                seen.add((kind, step))
                print(f"{kind}:{step} {place}")
