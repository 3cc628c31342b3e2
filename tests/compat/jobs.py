# SPDX-License-Identifier: Apache-2.0
"""Short jobs, as a CI server runs them: each has a network, a volume and two containers with the
same names as the one before, and finds nothing of it.    usage: jobs.py SOCKET; JOBS: how many"""
import os
import sys

import docker

JOBS = int(os.environ.get("JOBS", "60"))
c = docker.DockerClient(base_url="unix://" + sys.argv[1], version="auto", timeout=30)
wrong = []
for i in range(JOBS):
    network = c.networks.create("job", check_duplicate=True)
    volume = c.volumes.create("job-data")
    server = c.containers.run("busybox", "sleep 1000", detach=True, name="job-server", network="job", hostname="server%d" % i)
    out = c.containers.run("busybox", ["sh", "-c", "ls /data; echo %d >/data/job; nslookup job-server | grep -c Address; grep -c . /data/job" % i],
                           name="job-step", network="job", volumes={"job-data": {"bind": "/data", "mode": "rw"}}, remove=True)
    if out.split() != [b"2", b"1"]:
        wrong.append((i, out))
    server.remove(force=True, v=True)
    volume.remove()
    network.remove()
print("%s jobs: each finds what is its own, and nothing else" % ("not ok" if wrong else "ok"))
if wrong:
    print(len(wrong), "of", JOBS, wrong[:3])
