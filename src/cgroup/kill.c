/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in a container's cgroup, freezing, killing and removing. Workers. A container
 * with a writable cgroupfs may have made cgroups below its own, so everything here
 * walks down. On v1 there is no cgroup.kill: signal whom the list names until nobody is left,
 * frozen meanwhile when one round was not enough (a fork bomb). Trap: a number of the list may be
 * somebody else's a moment later, on the host, too: see signal_members.
 */
#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"

#define PROCS_MAX (16u << 20)
#define DEPTH_MAX 32
#define REMOVE_WAIT_NS (2 * NS_PER_S)
enum { PIDFDS_MAX = 256, KILL_ROUNDS = 100 };

struct pid_list {
    struct arena *a;
    int *v;
    size_t n, cap;
};

/* visit(dir) for the cgroup and all below it, children first. Takes dir. */
static void walk(int dir, int depth, void (*visit)(int dir, void *ctx), void *ctx)
{
    DIR *d = fdopendir(dir);
    struct dirent *e;

    if (!d) {
        close(dir);
        return;
    }
    while (depth < DEPTH_MAX && (e = readdir(d))) {
        if (e->d_type != DT_DIR || e->d_name[0] == '.')
            continue;
        int sub = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (sub >= 0)
            walk(sub, depth + 1, visit, ctx);
    }
    visit(dir, ctx);
    closedir(d);
}

static void read_procs(int dir, void *ctx)
{
    struct pid_list *p = ctx;
    char *text, *end;
    size_t len;
    struct err *e = file_read(p->a, dir, "cgroup.procs", PROCS_MAX, &text, &len);

    if (e) {
        err_drop(e);
        return;
    }
    for (char *s = text; *s; s = *end ? end + 1 : end) {
        long pid = strtol(s, &end, 10);
        if (end == s)
            break;
        if (pid <= 0) /* in a pid namespace that we do not see */
            continue;
        p->v = arena_grow(p->a, p->v, p->n, &p->cap, sizeof(*p->v));
        p->v[p->n++] = (int)pid;
    }
}

/* Every member joined every hierarchy; the one nobody delegates is asked. */
static const struct hierarchy *main_hierarchy(const struct cgroup_tree *t)
{
    const struct hierarchy *h = cgroup_tree_controller(t, CTL_FREEZER);

    if (!h)
        h = cgroup_tree_controller(t, CTL_DEVICES);
    return h ? h : &t->h[0];
}

struct err *cgroup_pids(struct cgroup_tree *t, const char *place, struct arena *a, int **out,
                        size_t *n)
{
    struct pid_list p = {.a = a};
    int dir;

    TRY(cgroup_place_check(place));
    dir = openat(main_hierarchy(t)->base_dir, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys("open cgroup %s", place);
    walk(dir, 0, read_procs, &p);
    *out = p.v;
    *n = p.n;
    return NULL;
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * NS_PER_MS}, NULL);
}

struct err *cgroup_freeze(struct cgroup_tree *t, const char *place, bool frozen)
{
    const struct hierarchy *h = cgroup_tree_controller(t, CTL_FREEZER);
    const char *state = t->features.is_v2 ? "cgroup.events" : "freezer.state";
    const char *wanted =
        t->features.is_v2 ? (frozen ? "frozen 1" : "frozen 0") : (frozen ? "FROZEN" : "THAWED");
    int64_t give_up = clock_boot_ns() + REMOVE_WAIT_NS;
    char text[256];

    TRY(cgroup_place_check(place));
    if (!h)
        return err_new(ERR_NOT_IMPLEMENTED, "the freezer cgroup is not mounted");
    if (t->features.is_v2)
        TRY(knob_write(h->base_dir, place, "cgroup.freeze", frozen ? "1" : "0"));
    else
        TRY(knob_write(h->base_dir, place, "freezer.state", wanted));
    while (knob_read(h, place, state, text, sizeof(text)) && !strstr(text, wanted)) {
        if (clock_boot_ns() > give_up) {
            err_drop(knob_write(h->base_dir, place,
                                t->features.is_v2 ? "cgroup.freeze" : "freezer.state",
                                t->features.is_v2 ? "0" : "THAWED"));
            return err_new(ERR_TIMEOUT, "the container's processes did not freeze in 2 s");
        }
        pause_ms(1);
        if (!t->features.is_v2 && frozen) /* FREEZING takes new members only when told again */
            TRY(knob_write(h->base_dir, place, "freezer.state", wanted));
    }
    return NULL;
}

bool cgroup_is_frozen(struct cgroup_tree *t, const char *place)
{
    const struct hierarchy *h = cgroup_tree_controller(t, CTL_FREEZER);
    const char *file = t->features.is_v2 ? "cgroup.freeze" : "freezer.state";
    char text[256];

    if (!h || !knob_read(h, place, file, text, sizeof(text)))
        return false;
    return text[0] == (t->features.is_v2 ? '1' : 'F'); /* FREEZING, FROZEN */
}

static int compare_pids(const void *a, const void *b)
{
    const int *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static struct pid_list members(struct cgroup_tree *t, const char *place, struct arena *a)
{
    struct pid_list p = {.a = a};
    struct err *e = cgroup_pids(t, place, a, &p.v, &p.n);

    if (e)
        p.n = 0;
    err_drop(e);
    if (p.n)
        qsort(p.v, p.n, sizeof(p.v[0]), compare_pids);
    return p;
}

static bool is_member(const struct pid_list *p, int pid)
{
    return p->n && bsearch(&pid, p->v, p->n, sizeof(pid), compare_pids);
}

bool cgroup_has_pid(struct cgroup_tree *t, const char *place, int pid)
{
    autoarena struct arena *a = arena_create();
    struct pid_list now = members(t, place, a);

    return is_member(&now, pid);
}

/* SIGKILL to some of a list. Listed again after the pidfds were opened: who is still named has kept
 * its number all the while, or the pidfd is a dead one's and the signal reaches nobody. */
static void signal_members(struct cgroup_tree *t, const char *place, const int *pids, size_t n)
{
    autoarena struct arena *a = arena_create();
    int pidfds[PIDFDS_MAX];
    struct pid_list now;

    for (size_t i = 0; i < n; i++)
        pidfds[i] = (int)syscall(SYS_pidfd_open, pids[i], 0);
    now = members(t, place, a);
    for (size_t i = 0; i < n; i++) {
        if (pidfds[i] < 0)
            continue;
        if (is_member(&now, pids[i]))
            syscall(SYS_pidfd_send_signal, pidfds[i], SIGKILL, NULL, 0);
        close(pidfds[i]);
    }
}

static size_t kill_round(struct cgroup_tree *t, const char *place)
{
    autoarena struct arena *a = arena_create();
    struct pid_list p = members(t, place, a);

    for (size_t i = 0; i < p.n; i += PIDFDS_MAX)
        signal_members(t, place, p.v + i, p.n - i < PIDFDS_MAX ? p.n - i : PIDFDS_MAX);
    return p.n;
}

/* Asked for, not waited for: who is not frozen yet is killed in the next round. */
static void set_frozen(struct cgroup_tree *t, const char *place, bool frozen)
{
    const struct hierarchy *h = cgroup_tree_controller(t, CTL_FREEZER);

    if (h && t->features.is_v2)
        err_drop(knob_write(h->base_dir, place, "cgroup.freeze", frozen ? "1" : "0"));
    else if (h)
        err_drop(knob_write(h->base_dir, place, "freezer.state", frozen ? "FROZEN" : "THAWED"));
}

struct err *cgroup_kill(struct cgroup_tree *t, const char *place)
{
    TRY(cgroup_place_check(place));
    if (t->features.is_v2) {
        struct err *e = knob_write(t->h[0].base_dir, place, "cgroup.kill", "1");
        if (!e || err_errno(e) == ENOENT) { /* < 5.14 has no cgroup.kill */
            err_drop(e);
            if (faccessat(t->h[0].dir, "cgroup.kill", F_OK, 0) == 0)
                return NULL;
        } else {
            return e;
        }
    }
    for (int i = 0; i < KILL_ROUNDS; i++) {
        size_t n;

        if (i)
            set_frozen(t, place, true);
        n = kill_round(t, place);
        set_frozen(t, place, false); /* on v1 nobody dies in there */
        if (!n)
            break;
        pause_ms(1);
    }
    return NULL;
}

static void remove_children(int dir, void *ctx)
{
    struct dirent *e;
    DIR *d = fdopendir(dup(dir));

    (void)ctx;
    if (d)
        rewinddir(d); /* walk has read it to the end; the offset is shared */
    while (d && (e = readdir(d)))
        if (e->d_type == DT_DIR && e->d_name[0] != '.')
            unlinkat(dir, e->d_name, AT_REMOVEDIR);
    if (d)
        closedir(d);
}

/* 0 or the errno of the rmdir. */
static int remove_one(const struct hierarchy *h, const char *place)
{
    int dir;

    if (unlinkat(h->base_dir, place, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    dir = openat(h->base_dir, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0)
        walk(dir, 0, remove_children, NULL);
    if (unlinkat(h->base_dir, place, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    return errno;
}

struct err *cgroup_remove(struct cgroup_tree *t, const char *place)
{
    int64_t give_up = clock_boot_ns() + REMOVE_WAIT_NS;
    int wait_ms = 1;

    TRY(cgroup_place_check(place));
    for (;;) {
        int left = 0;

        for (size_t i = 0; i < t->n; i++) {
            int sys = remove_one(&t->h[i], place);
            left = sys ? sys : left;
        }
        if (!left) {
            parents_remove(t, place);
            return NULL;
        }
        if (left != EBUSY || clock_boot_ns() > give_up)
            return err_sysno(left, "remove cgroup %s", place);
        err_drop(cgroup_kill(t, place));
        pause_ms(wait_ms);
        wait_ms = wait_ms < 32 ? wait_ms * 2 : wait_ms;
    }
}
