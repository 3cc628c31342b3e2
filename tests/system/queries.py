"""usage: queries.py SOCKET [FACTS]    prints TAP

The parameters of queries in Docker's API 1.47, and ours: a line each. A path that ends in `?a=b`
has these beside the parameter. The kinds:

bool   anything is taken, as Docker takes it: "", 0, no, false and none are false, else it is true.
       "bool!": the answers to true and false differ, so that it shows which was meant.
int, size, time, parse-bool    a number, a size of a terminal, seconds since 1970, what Go's
       ParseBool takes. size and time of a wrong type are told of in Docker's words.
filters:KEY, map, list         JSON; prune:KEY is as filters, but nothing is asked that would remove
word:TEXT:VALUE,VALUE          no such values; the answer has TEXT
text   any text is one: what it means is tested with what it does
free:REASON                    what is no number, say, is as none
"""
import http.client
import io
import json
import os
import re
import socket
import sys
import tarfile
import urllib.parse

SOCKET = sys.argv[1]
SRC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/api")
ROWS = """
GET /containers/json all bool!
GET /containers/json?all=1 size bool!
GET /containers/json limit int
GET /containers/json filters filters:name
POST /containers/create name word:Invalid container name:a b,/,-x
POST /containers/create platform word:platform:a/b/c/d,@,linux/
POST /containers/prune filters prune:label
GET /containers/still/json size bool!
GET /containers/up/top ps_args text
GET /containers/spoke/logs?stderr=1 stdout bool!
GET /containers/spoke/logs?stdout=1 stderr bool!
GET /containers/spoke/logs?stdout=1 timestamps bool!
GET /containers/spoke/logs?stdout=1 details bool!
GET /containers/spoke/logs?stdout=1 follow bool
GET /containers/spoke/logs?stdout=1 since time
GET /containers/spoke/logs?stdout=1 until time
GET /containers/spoke/logs?stdout=1 tail free:every line, as Docker
GET /containers/still/stats?one-shot=0 stream bool
GET /containers/still/stats?stream=0 one-shot bool
POST /containers/up/resize?w=9 h size:height
POST /containers/up/resize?h=9 w size:width
POST /containers/nosuch/start checkpoint text
POST /containers/nosuch/start checkpoint-dir text
POST /containers/nosuch/stop t int
POST /containers/nosuch/stop signal text
POST /containers/still/stop signal word:signal:NOSUCH,99,-1
POST /containers/nosuch/restart t int
POST /containers/still/restart signal word:signal:NOSUCH,99,-1
POST /containers/up/kill signal word:Invalid signal:NOSUCH,99,-1,0x9
POST /containers/up/rename name word:name:a b,/,-x
POST /containers/nosuch/wait condition word:condition:x,NEXT-EXIT,0
POST /containers/up/attach detachKeys word:detach keys:ctrl-,ctrl-1,ab
GET /containers/up/attach/ws detachKeys ws:detach keys:ctrl-,ctrl-1,ab
POST /containers/nosuch/attach logs bool
POST /containers/nosuch/attach stream bool
POST /containers/nosuch/attach stdin bool
POST /containers/nosuch/attach stdout bool
POST /containers/nosuch/attach stderr bool
DELETE /containers/nosuch v bool
DELETE /containers/nosuch force bool
DELETE /containers/nosuch link bool
HEAD /containers/still/archive path text
GET /containers/still/archive path text
PUT /containers/still/archive path text
PUT /containers/nosuch/archive?path=/ noOverwriteDirNonDir bool
PUT /containers/nosuch/archive?path=/ copyUIDGID bool
POST /commit container text
POST /commit?container=nosuch repo text
POST /commit?container=nosuch tag text
POST /commit?container=still repo word:reference:UPPER,a b,:x
POST /commit?container=still&repo=x tag word:tag:a b,-x
POST /commit?container=nosuch comment text
POST /commit?container=nosuch author text
POST /commit?container=nosuch pause bool
POST /commit?container=still changes word:change command:NOSUCH x,RUN x
POST /exec/nosuch/resize?w=9 h size:height
POST /exec/nosuch/resize?h=9 w size:width
GET /images/json all bool
GET /images/json filters filters:reference
GET /images/json digests bool
GET /images/json shared-size bool
GET /images/json manifests bool
GET /images/get names text
GET /images/get?names=busybox platform word:platform:x,[],{"os":5}
GET /images/busybox/get platform word:platform:x,[],{"os":5}
GET /images/busybox/json platform word:platform:x,[],{"os":5}
POST /images/create fromImage text
POST /images/create?fromImage=127.0.0.1:5000/busybox tag word:tag:a b,-x
POST /images/create?fromImage=127.0.0.1:5000/busybox platform word:platform:a/b/c/d,@
POST /images/create fromSrc text
POST /images/create?fromSrc=- repo word:reference:UPPER,a b
POST /images/create?fromSrc=-&repo=x tag word:tag:a b,-x
POST /images/create?fromSrc=- message text
POST /images/create?fromSrc=- changes word:change command:NOSUCH x,RUN x
POST /images/create?fromSrc=- platform word:platform:a/b/c/d,@
POST /images/load quiet bool
POST /images/load platform word:platform:x,[],{"os":5}
POST /images/127.0.0.1:5000/none/push tag word:tag:a b,-x
POST /images/127.0.0.1:5000/none/push?tag=x platform word:platform:x,[],{"os":5}
POST /images/busybox/tag repo word:reference:UPPER,a b
POST /images/busybox/tag?repo=x tag word:tag:a b,-x
DELETE /images/nosuch force bool
DELETE /images/nosuch noprune bool
POST /images/prune filters prune:label
POST /build dockerfile text
POST /build t word:reference:UPPER,a b
POST /build extrahosts text
POST /build remote text
POST /build q bool!
POST /build nocache bool
POST /build cachefrom list
POST /build pull bool
POST /build rm bool
POST /build forcerm bool
POST /build shmsize int
POST /build memory int
POST /build memswap int
POST /build cpushares int
POST /build cpuperiod int
POST /build cpuquota int
POST /build cpusetcpus text
POST /build cpusetmems text
POST /build cgroupparent text
POST /build networkmode text
POST /build isolation word:isolation:hyperv,x
POST /build buildargs map:build args
POST /build labels map
POST /build ulimits list
POST /build securityopt list
POST /build platform word:platform:a/b/c/d,@
POST /build target text
POST /build buildid text
POST /build squash word:squash:1,x,[]
POST /build outputs word:outputs:1,x,[]
POST /build session word:sessions:1,x
POST /build version word:version:2,x
POST /build/prune keep-storage int
POST /build/prune all bool
POST /build/prune filters filters:id
POST /build/cancel id text
GET /images/search term text
GET /images/search?term=x limit word:invalid syntax:x,1.5,1e3
GET /images/search?term=x limit word:outside the range:-1,1000
GET /distribution/busybox/json insecure text
GET /networks filters filters:name
POST /networks/prune filters prune:label
GET /networks/bridge verbose parse-bool
GET /networks/bridge scope free:no network is in it, as Docker
GET /volumes filters filters:name
POST /volumes/prune filters prune:label
DELETE /volumes/nosuch force bool!
GET /plugins filters filters:capability
GET /events?until=2 since time
GET /events until time
GET /events?until=1 after int
GET /events?until=1 filters filters:event
GET /system/df type word:unknown object type:x,IMAGE,images
GET /system/df type word:unknown object type:1
"""
WRONG = {
    "int": ("x", "1.5", "1e3", "0x10", "99999999999999999999", "1 2", "true", "[]"),
    "size": ("x", "-1", "70000", "1.5", "0x10", "", "true"),
    "time": ("x", "1.x", "1.5.5", "--1", "now", "[]"),
    "parse-bool": ("x", "yes", "2", "tRUE"),
    "map": ("x", "[]", "5", '"a"', "{", '{"a":5}', '{"a":["b"]}', '{} {}', "{'a':'b'}"),
    "list": ("x", "{}", "5", '"a"', "[", "[5]", "[[]]", "[] []", '[],"Privileged":true'),
    "filters": ("x", "[]", "5", '"a"', "{", '{"KEY":"v"}', '{"KEY":5}', '{"KEY":true}', '{"KEY":[5]}', '{"KEY":[["v"]]}',
                '{"KEY":{"v":"x"}}', '{"KEY":{"v":1}}', '{"nosuch":["v"]}', '{"nosuch":{"v":true}}', '{"KEY":["v"]} {}', '{"KEY":["v"],}'),
}
RIGHT = {"int": ("1",), "time": ("0", "1", "1.5", "-1"), "parse-bool": ("1", "true", "F"), "map": ("{}", "null"), "list": ("[]", "null"),
         "filters": ("{}", "null", '{"KEY":["v"]}', '{"KEY":{"v":true}}', '{"KEY":[]}', '{"KEY":null}', '{"KEY":{"v":null}}'), "size": ("9",)}
TRUE = ("1", "true", "True", "yes", "x", "2", "-1", "[]", "off", "f")
FALSE = ("", "0", "no", "false", "FALSE", "none", " no ")
count = failed = 0


def report(good, name, detail=""):
    global count, failed
    count += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", count, name))
    if not good:
        print("# %s" % str(detail)[:600].replace("\n", " "))


def context():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("Dockerfile")
        text = b"FROM scratch\nLABEL a=b\n"
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    return out.getvalue()


def send(method, path, headers=None):
    connection = http.client.HTTPConnection("berth", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(20)
    connection.sock.connect(SOCKET)
    headers = dict(headers or {})
    body = None
    if path.startswith("/build?"):
        body, headers["Content-Type"] = context(), "application/x-tar"
    elif path.startswith("/containers/create"):
        body, headers["Content-Type"] = b'{"Image":"busybox"}', "application/json"
    elif method in ("POST", "PUT"):
        body = b""
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    is_endless = answer.status == 101 or (answer.status == 200 and ("/events?" in path or "/stats?" in path))
    text = b"" if is_endless else answer.read()
    connection.close()
    return answer.status, text.decode(errors="replace")


def escaped(query):
    """Of a row's own parameters, too: JSON stands there as it is."""
    return "&".join("%s=%s" % (k, urllib.parse.quote(v, safe="")) for k, v in (pair.split("=", 1) for pair in query.split("&")))


class Row:
    def __init__(self, line):
        self.method, path, rest = line.split(" ", 2)
        self.param, kind = rest.split(" ", 1)
        self.kind, _, self.more = kind.partition(":")
        self.path, _, beside = path.partition("?")
        self.beside = [pair for pair in ([beside] if beside.startswith("filters=") else beside.split("&")) if pair and not pair.startswith(self.param + "=")]
        self.beside = [escaped(pair) for pair in self.beside]
        self.name = "%s %s %s" % (self.method, path.replace(" ", "%20"), self.param)
        self.removes = self.kind == "prune"
        self.kind = "filters" if self.removes else self.kind
        self.key = self.more if self.kind == "filters" else ""

    def values(self, table):
        return [v.replace("KEY", self.key) for v in table.get(self.kind, ())]

    def ask(self, *values, raw=False):
        query = self.beside + ["%s=%s" % (self.param, v if raw else urllib.parse.quote(v, safe="")) for v in values]
        headers = {}
        if self.kind == "ws":
            headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        return send(self.method, "%s?%s" % (self.path, "&".join(query)), headers)

    def is_refused(self, answer):
        words = "filter" if self.kind == "filters" else self.more.split(":")[0] or self.param
        status, text = answer
        return status == 400 and words.lower() in text.lower()


def refused(row, wrong):
    for value in wrong:
        answer = row.ask(value)
        report(row.is_refused(answer), "%s=%s" % (row.name, value), answer)


def taken(row, right):
    for value in right:
        answer = row.ask(value)
        report(answer[0] not in (400, 500), "%s=%s is right" % (row.name, value), answer)


def twice(row, right, wrong):
    """The first counts, as in Go."""
    answer = row.ask(wrong, right)
    report(row.is_refused(answer), "%s twice: the first is wrong" % row.name, answer)
    answer = row.ask(right, wrong)
    report(answer[0] not in (400, 500), "%s twice: the second is wrong" % row.name, answer)


def bools(row):
    """Two answers are the same but for what has grown in between: a build's stream is told by its size."""
    def told(answer):
        return answer[0], len(answer[1]) < 200 if row.path == "/build" else answer[1]
    yes, no = told(row.ask("1")), told(row.ask("0"))
    if row.kind == "bool!":
        report(yes != no, "%s: true is not false" % row.name, yes)
    for values, wanted in ((TRUE, yes), (FALSE, no)):
        got = {v: told(row.ask(v)) for v in values}
        odd = {v: a for v, a in got.items() if a[0] in (400, 500) or a[0] != wanted[0] or (row.kind == "bool!" and a != wanted)}
        report(not odd, "%s: %s" % (row.name, " ".join(repr(v) for v in values)), odd)


def judge(row):
    for value in ("%zz", "%", "a;b"):  # as Go's url.ParseQuery
        status, text = row.ask(value, raw=True)
        report(status == 400 and (row.method == "HEAD" or re.search("escape|semicolon", text)), "%s=%s" % (row.name, value), (status, text))
    if row.kind in ("word", "ws"):
        refused(row, row.more.split(":", 1)[1].split(","))
    elif row.kind in ("bool", "bool!"):
        bools(row)
    elif row.kind in WRONG:
        wrong, right = row.values(WRONG), row.values(RIGHT)
        refused(row, wrong)
        if not row.removes:
            taken(row, list(right) + ([] if row.kind == "size" else [""]))
        twice(row, '{"%s":["nosuch"]}' % row.key if row.removes else right[0], wrong[0])
    elif row.kind == "free":
        answer = row.ask("x")
        report(answer[0] not in (400, 500), "%s: %s" % (row.name, row.more), answer)


def read_by_engine():
    """What the handlers read, by its name."""
    found = set()
    for folder, _, files in os.walk(SRC):
        for file in files:
            if not file.endswith(".c"):
                continue
            text = open(os.path.join(folder, file), encoding="utf-8").read()
            found.update(re.findall(r"(?:request_param|query_get|query_is_true|query_i64|query_time|query_all)\([^;\"]*\"([\w-]+)\"", text))
            if file == "build.c":
                found.update(re.findall(r"^ +\{\"(\w+)\",? ", text, re.M))
    return found


def main():
    rows = [Row(line) for line in ROWS.strip().splitlines()]
    unknown = read_by_engine() - {row.param for row in rows}
    report(not unknown, "every parameter that is read has a row", sorted(unknown))
    for row in rows:
        judge(row)
    status, text = send("GET", "/containers/json?" + "a=1&" * 2000)
    report(status == 400, "too many parameters", (status, text))
    # Of equal keys of a filter the last one counts, as in Go.
    for text, wanted in (('{"name":["nosuch"],"name":["still"]}', 1), ('{"name":["still"],"name":["nosuch"]}', 0), ('{"name":["still"],"name":null}', 3)):
        listed = json.loads(send("GET", "/containers/json?all=1&filters=" + urllib.parse.quote(text))[1])
        report(len(listed) == wanted, "filters=%s" % text, listed)
    print("1..%d" % count)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
