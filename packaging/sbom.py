#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sbom.py BUILD [> berth.spdx.json]: what a build of berth is made of, as SPDX 2.3.

The libraries are those of cmake/packages.cmake, with the versions that the build has found; each
links against them (the keeper against the C library alone, statically). SOURCE_DATE_EPOCH counts, so
that the same build gives the same file."""
import datetime
import hashlib
import json
import os
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent
LICENCES = {
    "libuv": "MIT", "libseccomp": "LGPL-2.1-only", "libcap": "BSD-3-Clause OR GPL-2.0-only",
    "libcjson": "MIT", "libcurl": "curl", "libarchive": "BSD-2-Clause", "sqlite3": "blessing",
    "libcrypto": "Apache-2.0", "libssl": "Apache-2.0", "zlib": "Zlib",
    "libmnl": "LGPL-2.1-or-later", "libnftables": "GPL-2.0-only",
    "libsystemd": "LGPL-2.1-or-later", "libselinux": "LicenseRef-public-domain", "libllhttp": "MIT",
}


def cache(build):
    lines = (build / "CMakeCache.txt").read_text().splitlines()
    return dict(re.findall(r"(?m)^(\w+):\w+=(.*)$", "\n".join(lines)))


def libraries(values):
    text = (SOURCE / "cmake/packages.cmake").read_text()
    rows = re.findall(r"(?m)^\s*berth_library\((\w+) (\S+) (\S+)\)", text)
    rows += [(p, m, None) for p, m in re.findall(
        r"pkg_check_modules\((\w+) QUIET IMPORTED_TARGET (\S+)\)", text) if "$" not in p + m]
    for prefix, module, _ in rows:
        version = values.get(f"{prefix}_VERSION") or values.get(f"{prefix}_{module}_VERSION")
        if version:
            yield module, version
    if not values.get("LLHTTP_VERSION") and values.get("LLHTTP_SOURCE"):
        header = pathlib.Path(values["LLHTTP_INCLUDE"], "llhttp.h").read_text()
        number = [re.search(rf"LLHTTP_VERSION_{p} (\d+)", header) for p in ("MAJOR", "MINOR", "PATCH")]
        yield "libllhttp", ".".join(n[1] for n in number if n)


def package(name, version, licence):
    return {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name),
        "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False, "licenseDeclared": licence, "licenseConcluded": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    }


def main():
    build = pathlib.Path(sys.argv[1])
    values = cache(build)
    version = re.search(r"project\(berth VERSION (\S+)", (SOURCE / "CMakeLists.txt").read_text())[1]
    when = int(os.environ.get("SOURCE_DATE_EPOCH", datetime.datetime.now().timestamp()))
    own = [package(n, version, "Apache-2.0") for n in ("berth", "berthd", "berth-keeper")]
    found = [package(n, v, LICENCES.get(n, "NOASSERTION")) for n, v in sorted(libraries(values))]
    relate = lambda a, how, b: {"spdxElementId": a, "relationshipType": how, "relatedSpdxElement": b}
    relations = [relate("SPDXRef-DOCUMENT", "DESCRIBES", p["SPDXID"]) for p in own]
    for p in found:
        users = ["SPDXRef-berthd"]
        if p["name"] in ("libllhttp", "libcjson", "libcrypto", "libarchive"):
            users.append("SPDXRef-berth")
        how = "DYNAMIC_LINK" if p["name"] != "libllhttp" or values.get("LLHTTP_VERSION") else "STATIC_LINK"
        relations += [relate(u, how, p["SPDXID"]) for u in users]
    document = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"berth-{version}", "packages": own + found, "relationships": relations,
        "creationInfo": {
            "created": datetime.datetime.fromtimestamp(when, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: berth-packaging-sbom.py"],
        },
    }
    digest = hashlib.sha256(json.dumps(document["packages"]).encode()).hexdigest()
    document["documentNamespace"] = f"https://spdx.org/spdxdocs/berth-{version}-{digest[:32]}"
    if any(p["licenseDeclared"].startswith("LicenseRef") for p in found):
        document["hasExtractedLicensingInfos"] = [{
            "licenseId": "LicenseRef-public-domain", "extractedText": "Public domain, by the NSA.",
        }]
    json.dump(document, sys.stdout, indent=1)
    print()


main()
