# SPDX-License-Identifier: Apache-2.0
"""user_guide.py PAGE: runs the commands of a page of docs/guide in one shell, in order. Prints a line
"ok|not ok - PAGE:LINE COMMAND" for each and, when not ok, what came. In the expected output "..."
stands for any text, on a line of its own for any lines; "(exit N)" at the end for the code."""
import re
import subprocess
import sys

page = sys.argv[1]
blocks, block = [], None
for number, line in enumerate(open(page).read().splitlines(), 1):
    if line.startswith("```"):
        if block is None:
            block = [] if line == "```console" else "other"
            if not re.fullmatch("```(console|console systemd|text|json)", line):
                print(f"not ok - {page}:{number} a block of an unknown kind: {line}")
        else:
            if isinstance(block, list):
                blocks += block
            block = None
    elif isinstance(block, list):
        if line.startswith("$ "):
            block.append([number, line[2:], []])
        else:
            block[-1][2].append(line)

shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
MARK = "=-=-= "


def run(command):
    # Standard input of a command is not the script.
    shell.stdin.write(f"{{ {command}\n}} </dev/null; s=$?; echo; echo '{MARK}'$s\n" if "<" not in command
                      else f"{command}\ns=$?; echo; echo '{MARK}'$s\n")
    shell.stdin.flush()
    lines = []
    for line in shell.stdout:
        if line.startswith(MARK):
            return "".join(lines)[:-1].rstrip("\n"), int(line[len(MARK):])
        lines.append(line)
    return "".join(lines), -1


def pattern(lines):
    out = ""
    for line in lines:
        if line == "...":
            out += r"(?:.*\n)*"
        else:
            out += ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
    return out


for number, command, expected in blocks:
    code = 0
    if expected and (found := re.fullmatch(r"\(exit (\d+)\)", expected[-1])):
        code = int(found[1])
        expected = expected[:-1]
    got, status = run(command)
    text = got + "\n" if got else ""
    good = status == code and re.fullmatch(pattern(expected), text)
    print(("ok" if good else "not ok"), "-", f"{page.rsplit('/', 1)[-1]}:{number} {command}", flush=True)
    if not good:
        print("\n".join("# " + line for line in [f"exit {status}", *got.splitlines()[:20]]), flush=True)
shell.stdin.close()
