"""A root file system of packages that this machine has: make_base.py OUT.tar PACKAGE…

For Dockerfiles that need a compiler or a language and no network. The packages come with what they
depend on and what every Debian has; documentation and translations are left out. dpkg works inside.
Ends with 3 when a package is not installed here.
"""
import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile

ESSENTIAL = "base-files base-passwd bash coreutils dash diffutils dpkg findutils grep gzip hostname \
libc-bin mawk sed tar util-linux".split()
LEFT_OUT = re.compile(r"^/usr/share/(doc|man|info|locale|lintian|doc-base|bug|zoneinfo|i18n)/"
                      r"|/lto1$|lto-dump|/gconv/|/lib/python3/dist-packages/|lib(a|t|l|ub|hwa)san[._]")
MERGED = ("bin", "lib", "lib64", "sbin")


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def read_status():
    """What is installed: each package's paragraph, and who provides a name."""
    packages, providers = {}, {}
    for paragraph in pathlib.Path("/var/lib/dpkg/status").read_text().split("\n\n"):
        field = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.M))
        if field.get("Status", "").endswith(" installed"):
            name = field["Package"]
            packages.setdefault(name, (field, paragraph))
            for provided in re.findall(r"[a-z0-9][a-z0-9.+-]+", re.sub(r"\(.*?\)", "",
                                                                    field.get("Provides", ""))):
                providers.setdefault(provided, name)
    return packages, providers


def closure(wanted, packages, providers):
    done, todo = set(), list(wanted)
    while todo:
        name = todo.pop()
        name = name if name in packages else providers.get(name)
        if not name or name in done:
            continue
        done.add(name)
        field = packages[name][0]
        for clause in ",".join((field.get("Depends", ""), field.get("Pre-Depends", ""))).split(","):
            choices = [re.match(r"[a-z0-9.+-]*", c.strip())[0] for c in clause.split("|")]
            todo += [c for c in choices if c in packages or c in providers][:1]
    return done


def files_of(name, field):
    listed = run("dpkg", "-L", f"{name}:{field['Architecture']}") or run("dpkg", "-L", name)
    return [f for f in listed.splitlines() if f.startswith("/") and not LEFT_OUT.match(f)]


def merged(path):
    """/bin/x is /usr/bin/x, as on every Debian of today."""
    top, _, rest = path.lstrip("/").partition("/")
    return f"usr/{top}/{rest}" if top in MERGED and rest else path.lstrip("/")


def alternatives(paths):
    """The links of /etc/alternatives whose targets are inside."""
    for link in pathlib.Path("/etc/alternatives").iterdir():
        if link.is_symlink() and merged(os.readlink(link)) in paths:
            yield str(link)
            for folder in ("/usr/bin", "/usr/sbin"):
                user = pathlib.Path(folder, link.name)
                if user.is_symlink() and os.readlink(user) == str(link):
                    yield str(user)


def add_text(tar, name, text, mode=0o644):
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(text.encode()), mode
    tar.addfile(info, io.BytesIO(text.encode()))


def add_tree(tar, paths):
    for path in sorted(paths):
        real = f"/{path}"
        if path in MERGED or path in ("", ".") or not os.path.lexists(real):
            continue
        info = tar.gettarinfo(real, arcname=path)
        if info is None:
            continue
        if info.islnk():  # a second name: its content once more, the first may not be inside
            info.type, info.size = tarfile.REGTYPE, os.path.getsize(real)
        info.mtime = 0
        with open(real, "rb") if info.isreg() else open(os.devnull, "rb") as f:
            tar.addfile(info, f)


def main():
    out, *wanted = sys.argv[1:]
    packages, providers = read_status()
    missing = [p for p in wanted if p not in packages and p not in providers]
    if missing:
        print("not installed here:", *missing, file=sys.stderr)
        return 3
    names = closure(ESSENTIAL + wanted, packages, providers)
    paths = {merged(f) for n in names for f in files_of(n, packages[n][0])}
    paths |= {merged(f) for f in alternatives(paths)}
    with tarfile.open(out, "w") as tar:
        for top in MERGED:
            info = tarfile.TarInfo(top)
            info.type, info.linkname = tarfile.SYMTYPE, f"usr/{top}"
            tar.addfile(info)
        add_tree(tar, paths - {"etc/passwd", "etc/group"})
        for name in ("passwd", "group"):
            add_text(tar, f"etc/{name}", pathlib.Path(f"/usr/share/base-passwd/{name}.master")
                     .read_text().replace(":*:", ":x:"))
        add_text(tar, "var/lib/dpkg/status",
                 "\n\n".join(packages[n][1].strip() for n in sorted(names)) + "\n\n")
        for n in sorted(names):
            for list_file in sorted(pathlib.Path("/var/lib/dpkg/info").glob(f"{n}*.list")):
                if list_file.name in (f"{n}.list", f"{n}:{packages[n][0]['Architecture']}.list"):
                    add_text(tar, f"var/lib/dpkg/info/{list_file.name}", list_file.read_text())
        for folder in ("tmp", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/log", "run",
                       "proc", "sys", "dev", "root", "home", "opt", "usr/local/bin",
                       "usr/local/lib", "usr/local/include", "usr/local/share"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(info)
    return 0


sys.exit(main())
