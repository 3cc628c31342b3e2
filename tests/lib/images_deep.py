#!/usr/bin/env python3
"""Makes images of many layers as docker-archives: three layers, and one hundred and thirty.

usage: images_deep.py OUT_DIR    writes OUT_DIR/three.tar and OUT_DIR/many.tar

Every layer above busybox has a file of its own, /lN, and its own version of /same.
"""
import sys

import images


def numbered(n):
    def fill(tar):
        images.add(tar, f"l{n}", f"{n}\n".encode())
        images.add(tar, "same", f"{n}\n".encode())
    return images.layer(fill)


def main():
    base = images.layer(images.busybox_layer)
    config = {"Cmd": ["sh"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
    for name, layers in (("three", 3), ("many", 130)):
        images.archive(f"{sys.argv[1]}/{name}.tar", f"{name}:latest",
                       [base] + [numbered(n) for n in range(1, layers)], config)


if __name__ == "__main__":
    main()
