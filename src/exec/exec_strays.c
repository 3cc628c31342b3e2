/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exec whose start died with its keeper may have come to its execve: the word of that was the
 * keeper's, so nobody knows its pid. It is found by what an exec is: in the container's cgroup and
 * pid namespace, made from outside, and no process that the engine knows. It is ended, so that a
 * start that was refused leaves nothing, and is not run twice at a time when it is tried again.
 *
 * Trap: in the host's pid namespace (--pid=host) a daemon of the container looks the same; there
 * nothing is ended. The keeper is reaped by now; children of the next one are not looked at.
 */
#include "exec_strays.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "cgroup/cgroup.h"
#include "container/process.h"
#include "exec/exec_object.h"

struct strays {
    struct job job;
    struct arena *arena;
    struct cgroup_tree *cgroups;
    const char *id, *cgroup;
    int *known;
    size_t n_known;
    void (*done)(void *ctx);
    void *ctx;
};

/* ---- worker ---- */

static bool is_known(const struct strays *s, int pid)
{
    for (size_t i = 0; i < s->n_known; i++)
        if (s->known[i] == pid)
            return true;
    return false;
}

static bool read_line(int pid, const char *file, char *out, size_t room)
{
    char path[64];
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, out, room - 1);
        close(fd);
    }
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Field 4 of /proc/PID/stat (proc(5)), behind the name, which may have blanks and brackets itself:
 * the last bracket ends it. */
static int parent_of(int pid)
{
    char text[1024];
    const char *name_end;
    int parent = 0;

    if (!read_line(pid, "stat", text, sizeof(text)))
        return 0;
    name_end = strrchr(text, ')');
    if (!name_end || sscanf(name_end, ") %*c %d", &parent) != 1)
        return 0;
    return parent;
}

/* "pid:[4026531836]": the same text is the same namespace. */
static bool read_namespace(int pid, char out[64])
{
    char path[64];
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
    n = readlink(path, out, 63);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static bool is_keeper(int pid)
{
    char name[32];

    return read_line(pid, "comm", name, sizeof(name)) && !strcmp(name, "berth-keeper\n");
}

/* In the container's cgroup, unknown to the engine, and made from outside: its parent is in another
 * pid namespace. */
static bool is_listed(const int *pids, size_t n, int pid)
{
    for (size_t i = 0; i < n; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

/* A keeper that lives has made it, or a helper (it has the keeper's name, and is in the cgroup)
 * whose keeper lives. */
static bool has_keeper(int parent, const int *members, size_t n)
{
    return is_keeper(parent) && (!is_listed(members, n, parent) || is_keeper(parent_of(parent)));
}

static bool is_stray(const struct strays *s, int pid, const int *members, size_t n)
{
    char own[64], above[64];
    int parent = parent_of(pid);

    return !is_known(s, pid) && parent > 0 && read_namespace(pid, own) &&
           read_namespace(parent, above) && strcmp(own, above) != 0 &&
           !has_keeper(parent, members, n);
}

/* The pidfd is opened before the look, so that what was looked at is what is killed. */
static void run(struct job *job)
{
    struct strays *s = container_of(job, struct strays, job);
    int *pids;
    size_t n = 0;
    struct err *err = cgroup_pids(s->cgroups, s->cgroup, s->arena, &pids, &n);

    ASSERT_WORKER();
    if (err)
        log_debug("a container's processes cannot be listed", KV("error", err_text(err)));
    err_drop(err);
    for (size_t i = 0; i < n; i++) {
        int pidfd = is_known(s, pids[i]) ? -1 : (int)syscall(SYS_pidfd_open, pids[i], 0);

        if (pidfd >= 0 && is_stray(s, pids[i], pids, n) &&
            cgroup_has_pid(s->cgroups, s->cgroup, pids[i])) {
            log_info("an exec whose keeper was killed at its start is ended", KV("id", s->id),
                     KV_INT("pid", pids[i]));
            process_kill_group(pidfd);
        }
        if (pidfd >= 0)
            close(pidfd);
    }
}

/* ---- loop ---- */

static void on_done(struct job *job)
{
    struct strays *s = container_of(job, struct strays, job);

    s->done(s->ctx);
    arena_destroy(s->arena);
}

static void know(struct strays *s, int pid)
{
    ASSERT(s->known);
    s->known[s->n_known++] = pid;
}

void exec_end_strays(struct container *c, void (*done)(void *ctx), void *ctx)
{
    struct arena *a = arena_create();
    struct strays *s = arena_new(a, struct strays);

    ASSERT_LOOP();
    s->arena = a;
    s->cgroups = c->parts->cgroups;
    s->id = arena_strdup(a, c->doc.id);
    s->cgroup = container_cgroup(a, c);
    s->known = arena_alloc(a, (c->n_execs + 1) * sizeof(*s->known));
    know(s, c->doc.state.pid);
    list_each (e, &c->execs, struct exec, link)
        if (e->pidfd >= 0)
            know(s, e->doc.pid);
    s->done = done;
    s->ctx = ctx;
    s->job = (struct job){.run = run, .done = on_done};
    pool_submit(c->parts->pools, POOL_KERNEL, &s->job);
}
