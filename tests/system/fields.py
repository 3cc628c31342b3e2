"""Every field of every request and every option of berthd: docs/API.md is true.

usage: fields.py SOCKET BERTHD DISK FOLDER    prints TAP

fields.jsonl has the fields of Docker's API 1.47, a line each: where it is ("in"), its name, its
type, and values of it that are honoured, refused and warned of ("base": what must be beside it,
"refusedbase": what is beside it where it is refused; "shown": inspect's value where it is another
one; "anyway": inspect does not show it; "part": it shows more; "key": of daemon.json). docs/API.md says what the engine does with each: the file that
honours it, the sentence that refuses it, the warning. Whoever changes what a field does changes
its row there, and here when the value is another one.
"""
import http.client
import json
import os
import re
import socket
import subprocess
import sys

SOCKET, BERTHD, DISK, FOLDER = sys.argv[1:5]
HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.join(HERE, "../../src")
# The tables that decode requests: file, the array of fields, and what it is of.
TABLES = (
    ("runtime/config.c", "config_fields", "Config"),
    ("runtime/config.c", "health_fields", "Config.Healthcheck"),
    ("runtime/config.c", "host_fields", "HostConfig"),
    ("runtime/config.c", "log_fields", "HostConfig.LogConfig"),
    ("runtime/config.c", "restart_fields", "HostConfig.RestartPolicy"),
    ("runtime/config.c", "port_fields", "HostConfig.PortBindings"),
    ("runtime/config.c", "device_fields", "HostConfig.Devices"),
    ("runtime/config.c", "weight_fields", "HostConfig.BlkioWeightDevice"),
    ("runtime/config.c", "rate_fields", "HostConfig.BlkioDeviceReadBps"),
    ("runtime/config.c", "hugetlb_fields", "HostConfig.Hugetlbs"),
    ("runtime/config.c", "ulimit_fields", "HostConfig.Ulimits"),
    ("runtime/config.c", "request_fields", "HostConfig.DeviceRequests"),
    ("runtime/config.c", "mount_fields", "Mount"),
    ("runtime/config.c", "bind_fields", "Mount.BindOptions"),
    ("runtime/config.c", "volume_fields", "Mount.VolumeOptions"),
    ("runtime/config.c", "driver_fields", "Mount.VolumeOptions.DriverConfig"),
    ("runtime/config.c", "tmpfs_fields", "Mount.TmpfsOptions"),
    ("runtime/config.c", "image_fields", "Mount.ImageOptions"),
    ("runtime/config.c", "endpoint_fields", "EndpointSettings"),
    ("runtime/config.c", "ipam_fields", "EndpointSettings.IPAMConfig"),
    ("runtime/config.c", "exec_fields", "ExecConfig"),
    ("exec/exec_start.c", "start_fields", "ExecStart"),
    ("net/network_json.c", "request_fields", "NetworkCreate"),
    ("net/network_json.c", "reference_fields", "NetworkCreate.ConfigFrom"),
    ("net/network_json.c", "ipam_fields", "NetworkCreate.IPAM"),
    ("net/network_json.c", "pool_fields", "NetworkCreate.IPAM.Config"),
    ("storage/volume.c", "request_fields", "VolumeCreate"),
)
LISTS = {"Ulimits", "Hugetlbs", "Devices", "BlkioWeightDevice", "BlkioDeviceReadBps", "DeviceRequests"}
count = failed = 0


def report(good, name, detail=""):
    global count, failed
    count += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", count, name))
    if not good:
        print("# %s" % str(detail)[:600].replace("\n", " "))


def request(method, path, body=None):
    connection = http.client.HTTPConnection("berth", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(20)
    connection.sock.connect(SOCKET)
    connection.request(method, path, json.dumps(body) if body is not None else None,
                       {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    try:
        return answer.status, json.loads(text) if text else {}
    except ValueError:
        return answer.status, {"message": text.decode(errors="replace")}


# ---- what is written down ----

def read_fields():
    with open(os.path.join(HERE, "fields.jsonl"), encoding="utf-8") as f:
        rows = [json.loads(line.replace('"DISK"', json.dumps(DISK))) for line in f]
    return {"%s.%s" % (row["in"], row["field"]): row for row in rows}


def read_page():
    """The rows of docs/API.md: name, then the cells honoured, refused, warned."""
    page, section = {}, ""
    with open(os.path.join(HERE, "../../docs/API.md"), encoding="utf-8") as f:
        for line in f:
            if line.startswith("## "):
                section = line[3:].strip()
            found = re.match(r"\| `([^`]+)` \|(.*)\|$", line.strip())
            if found and section:
                cells = re.split(r"(?<!\\)\|", found[2])
                page["%s.%s" % (section, found[1])] = [c.strip().replace("\\|", "|") for c in cells]
    return page


def members():
    """Which member of a struct each field is decoded into."""
    found = {}
    for file, array, where in TABLES:
        text = open(os.path.join(SRC, file), encoding="utf-8").read()
        body = text.split("struct jfield %s[] = {" % array, 1)[1].split("J_END", 1)[0]
        for member, key in re.findall(r"J\(J_\w+,\s*struct \w+,\s*(\w+),\s*\"(\w+)\"", body):
            found["%s.%s" % (where, key)] = member
    text = open(os.path.join(SRC, "core/settings_flags.c"), encoding="utf-8").read()
    for name, rest in re.findall(r"^    \{\"([\w-]+)\", (.*?)(?=^    \{)", text, re.M | re.S):
        at = re.search(r"AT\((\w+)\)", rest)
        kind = "DaemonKey." if re.search(r"IN_FILE|FLAG_HIDDEN", rest) else "DaemonFlag."
        found[kind + name] = at[1] if at else None
    return found


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def fault_of_row(row, cells, member):
    if len(cells) != 3 or not any(cells):
        return "a row has three cells, and not all are empty: %s" % cells
    for kind, cell in zip(("refused", "warned"), cells[1:]):
        if (kind in row) != bool(cell):
            return "%s is in one of the list and the page only" % kind
    if not cells[0]:
        return ""
    name = (quoted(cells[0]) or ["?"])[0]
    if not os.path.isfile(os.path.join(SRC, name)):
        return "there is no file %s" % name
    text = open(os.path.join(SRC, name), encoding="utf-8").read()
    if name != "view/inspect.c" and ": always" not in cells[0] and not re.search(r"\b%s\b" % member, text):
        return "%s has no word %s: where is the field read?" % (name, member)
    return ""


def written(fields, page, known):
    report(not set(fields) - set(page), "every field has a row in docs/API.md", set(fields) - set(page))
    report(not set(page) - set(fields), "no row is of a field that is not in the list", set(page) - set(fields))
    report(not set(known) - set(fields), "every field that the engine decodes is in the list", set(known) - set(fields))
    for name, cells in page.items():
        if name in fields:
            fault = fault_of_row(fields[name], cells, known.get(name, fields[name]["field"]))
            report(not fault, "%s: docs/API.md and the source agree" % name, fault)


# ---- what is answered ----

def nest(path, value):
    for part in reversed(path):
        if part in LISTS:
            value = [value]
        elif part == "PortBindings":
            value = {"80/tcp": [value]}
        elif part == "Config" and path[0] == "IPAM":
            value = [value]
        value = {part: value}
    return value


def merge(into, more):
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value
    return into


def body_of(row, value):
    """What is sent, and the way to the field in inspect's answer."""
    top, *path = row["in"].split(".")
    leaf = dict(row.get("base", {}))
    if top == "Mount":
        mount = dict(leaf)
        merge(mount, nest(path, {row["field"]: value}))
        return {"HostConfig": {"Mounts": [mount]}}, ["HostConfig", "Mounts", 0] + path + [row["field"]]
    leaf[row["field"]] = value
    if top == "EndpointSettings":
        return ({"HostConfig": {"NetworkMode": "one"}, "NetworkingConfig": {"EndpointsConfig": {"one": nest(path, leaf)}}},
                ["NetworkSettings", "Networks", "one"] + path + [row["field"]])
    way = [top] if top in ("Config", "HostConfig") else []
    for part in path:
        way += [part] + ([0] if part in LISTS or (part == "Config" and path[0] == "IPAM") else ["80/tcp", 0] if part == "PortBindings" else [])
    way.append(row.get("shownas", row["field"]))
    body = nest(path, leaf)
    return ({"HostConfig": body} if top == "HostConfig" else body), way


def at(answer, way):
    for step in way:
        try:
            answer = answer[step]
        except (KeyError, IndexError, TypeError):
            return None
    return answer


def holds(row, wanted, got):
    if isinstance(wanted, dict) and isinstance(got, dict):
        return all(holds(row, v, got.get(k)) for k, v in wanted.items())
    if isinstance(wanted, list) and isinstance(got, list) and wanted and isinstance(wanted[0], dict):
        return len(got) >= len(wanted) and all(holds(row, w, g) for w, g in zip(wanted, got))
    if row.get("part"):
        return all(v in (got or []) for v in wanted)
    return wanted == got


def ask_create(row, value):
    body, way = body_of(row, value)
    body = merge({"Image": "busybox", "Cmd": ["sleep", "9"]}, body)
    status, answer = request("POST", "/containers/create", body)
    if status != 201:
        return status, answer.get("message"), [], None
    seen = at(request("GET", "/containers/%s/json" % answer["Id"])[1], way)
    request("DELETE", "/containers/%s?force=1&v=1" % answer["Id"])
    return status, "", answer["Warnings"], seen


def ask_update(row, value):
    _, made = request("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"]})
    body = dict(row.get("base", {}), **{row["field"]: value})
    status, answer = request("POST", "/containers/%s/update" % made["Id"], body)
    seen = at(request("GET", "/containers/%s/json" % made["Id"])[1], ["HostConfig", row["field"]])
    request("DELETE", "/containers/%s?force=1" % made["Id"])
    return status, answer.get("message"), answer.get("Warnings") or [], seen


def ask_exec(row, value):
    body = {"Cmd": ["true"]}
    if row["in"] == "ExecConfig":
        body[row["field"]] = value
    status, answer = request("POST", "/containers/base/exec", body)
    seen = {"Cmd": answer.get("Id") and value}.get(row["field"])
    if status == 201:
        shown = request("GET", "/exec/%s/json" % answer["Id"])[1]
        ways = {"Tty": ["ProcessConfig", "tty"], "User": ["ProcessConfig", "user"], "Privileged": ["ProcessConfig", "privileged"],
                "AttachStdin": ["OpenStdin"], "AttachStdout": ["OpenStdout"], "AttachStderr": ["OpenStderr"], "DetachKeys": ["DetachKeys"]}
        seen = at(shown, ways[row["field"]]) if row["field"] in ways else seen
        if row["field"] == "DetachKeys":
            seen = value if seen is not None else None
    return status, answer.get("message"), answer.get("Warnings") or [], seen


def ask_network(row, value):
    body, way = body_of(row, value)
    body = merge({"Name": "probe"}, body)
    status, answer = request("POST", "/networks/create", body)
    seen = None
    if status == 201:
        seen = at(request("GET", "/networks/" + answer["Id"])[1], way)
        request("DELETE", "/networks/" + answer["Id"])
    return status, answer.get("message"), [answer.get("Warning")] if answer.get("Warning") else [], seen


def ask_volume(row, value):
    body = merge({"Name": "probe"}, {row["field"]: value})
    status, answer = request("POST", "/volumes/create", body)
    if status == 201:
        request("DELETE", "/volumes/" + answer["Name"])
    return status, answer.get("message"), [], answer.get(row.get("shownas", row["field"]))


def ask_connect(row, value):
    body = dict({"Container": "base"}, **{row["field"]: value})
    status, answer = request("POST", "/networks/one/" + ("connect" if row["in"] == "NetworkConnect" else "disconnect"), body)
    return status, answer.get("message"), [], value


def berthd(*args):
    done = subprocess.run([BERTHD, *args], capture_output=True, text=True, timeout=20)
    said = done.stderr + done.stdout
    return (201 if done.returncode == 0 else 400), said, said.splitlines(), None


def ask_flag(row, value):
    name = row["field"]
    answer = berthd("--validate", "--%s=%s" % (name, value))
    if "key" in row and answer[0] == 400 and "unknown flag" in answer[1]:
        with open(os.path.join(FOLDER, "key.json"), "w", encoding="utf-8") as f:
            json.dump({row["key"]: "x"}, f)
        status, said, *_ = berthd("--validate", "--config-file", os.path.join(FOLDER, "key.json"))
        report(status == 400 and row["key"] in said, "daemon.json: %s is refused as its flag is" % row["key"], said)
    return answer


def ask_key(row, value):
    with open(os.path.join(FOLDER, "key.json"), "w", encoding="utf-8") as f:
        json.dump({row["field"]: value}, f)
    return berthd("--validate", "--config-file", os.path.join(FOLDER, "key.json"))


ASK = {"Config": ask_create, "HostConfig": ask_create, "Mount": ask_create, "EndpointSettings": ask_create,
       "ExecConfig": ask_exec, "ExecStart": ask_exec, "Update": ask_update, "NetworkCreate": ask_network, "VolumeCreate": ask_volume,
       "NetworkConnect": ask_connect, "NetworkDisconnect": ask_connect, "DaemonFlag": ask_flag, "DaemonKey": ask_key}


def answered(fields, page):
    for name, row in fields.items():
        ask = ASK[row["in"].split(".")[0]]
        _, refusal, warning = page.get(name, ["", "", ""])
        if "honoured" in row:
            status, message, warnings, seen = ask(row, row["honoured"])
            good = status in (200, 201) and not [w for w in warnings if "has no effect" in w]
            report(good, "%s: honoured: %s" % (name, json.dumps(row["honoured"])), "%s %s %s" % (status, message, warnings))
            if good and not row.get("anyway") and not row["in"].startswith("Daemon"):
                report(holds(row, row.get("shown", row["honoured"]), seen), "%s: seen again" % name, seen)
        if "refused" in row:
            status, message, _, _ = ask(dict(row, base=row.get("refusedbase", row.get("base", {}))), row["refused"])
            report(400 <= status < 500 and all(q in (message or "") for q in quoted(refusal)),
                   "%s: refused: %s" % (name, json.dumps(row["refused"])), "%s %s" % (status, message))
        if "warned" in row:
            status, message, warnings, _ = ask(row, row["warned"])
            report(status in (200, 201) and any(all(q in w for q in quoted(warning)) for w in warnings),
                   "%s: warned of: %s" % (name, json.dumps(row["warned"])), "%s %s %s" % (status, message, warnings))


def unknown():
    """A field that nobody knows is most likely misspelt: said, not refused, as Go ignores it."""
    for host, config, way in (({"Memroy": 1}, {}, "HostConfig.Memroy"), ({}, {"Imgae": "x"}, "Imgae"),
                              ({"Mounts": [{"Type": "tmpfs", "Target": "/t", "Raedonly": True}]}, {}, "HostConfig.Mounts.Raedonly"),
                              ({"PortBindings": {"80/tcp": [{"HostProt": "1"}]}}, {}, "HostConfig.PortBindings.HostProt")):
        status, answer = request("POST", "/containers/create", dict(config, Image="busybox", HostConfig=host))
        lines = [w for w in answer.get("Warnings") or [] if w.startswith(way + " has no effect: there is no such field")]
        report(status == 201 and len(lines) == 1, "%s: said once" % way, answer)
    status, answer = request("POST", "/containers/create", {"Image": "busybox", "HostConfig": {"Memroy": 0, "X": None, "Y": [], "Z": {}, "W": "", "V": False}})
    report(status == 201 and answer["Warnings"] == [], "nothing is said of what is empty", answer)
    status, answer = request("POST", "/containers/create", {"Image": "busybox", "hostconfig": {"MEMORY": 64 << 20}})
    report(status == 201 and answer["Warnings"] == [], "nor of a name in other letters", answer)
    status, answer = request("POST", "/containers/create", dict({"X%d" % i: 1 for i in range(1000)}, Image="busybox"))
    report(status == 201 and len(answer["Warnings"]) == 16, "a thousand of them are 16 lines", len(answer.get("Warnings", [])))
    status, answer = request("POST", "/containers/base/exec", {"Cmd": ["true"], "Usr": "x"})
    report(status == 201 and "Usr has no effect" in str(answer.get("Warnings")), "exec says it, too", answer)
    status, answer = request("POST", "/networks/create", {"Name": "probe", "Intrenal": True})
    report(status == 201 and "Intrenal has no effect" in answer["Warning"], "a network says it, too", answer)
    request("DELETE", "/networks/probe")


def main():
    fields, page, known = read_fields(), read_page(), members()
    report(len(fields) > 300, "the list has all fields")
    written(fields, page, known)
    request("POST", "/containers/create?name=base", {"Image": "busybox", "Cmd": ["sleep", "1000"], "Volumes": {"/vol": {}}})
    request("POST", "/containers/base/start")
    request("POST", "/networks/create", {"Name": "one", "IPAM": {"Config": [{"Subnet": "10.77.0.0/24"}]}})
    request("POST", "/networks/create", {"Name": "lender", "ConfigOnly": True})
    answered(fields, page)
    unknown()
    print("1..%d" % count)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
