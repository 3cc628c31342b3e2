/* SPDX-License-Identifier: Apache-2.0 */
/* links: cgroup core base */
/*
 * cg_probe PARENT: drives src/cgroup on this host's hierarchies, under a parent of its own at
 * their root, and prints TAP. The same program serves v1 and v2 (there in a virtual machine).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cgroup/cgroup.h"

static int n_tests, n_failed;

static void ok(bool good, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++n_tests, what);
    n_failed += !good;
    fflush(stdout);
}

static bool fine(struct err *e)
{
    if (e)
        printf("# %s\n", err_text(e));
    err_drop(e);
    return !e;
}

/* A child in the cgroup as the keeper makes it; returns its pid. */
static pid_t start_in(const struct cgroup_join *j, int (*fn)(void))
{
    struct clone_args args = {.exit_signal = SIGCHLD};

    if (j->dir >= 0) {
        args.flags = CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)j->dir;
    }
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    if (pid < 0)
        printf("# clone3: %s\n", strerror(errno));
    if (pid)
        return pid;
    for (size_t i = 0; i < j->n_tasks; i++)
        if (write(j->tasks[i], "0", 1) != 1)
            _exit(99);
    _exit(fn());
}

static int wait_code(pid_t pid)
{
    int status = 0;

    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_in(const struct cgroup_join *j, int (*fn)(void))
{
    return wait_code(start_in(j, fn));
}

static int do_nothing(void)
{
    return 7;
}
static _Noreturn int wait_forever(void)
{
    for (;;)
        pause();
}
static int make_family(void)
{
    for (int i = 0; i < 20; i++)
        if (fork() == 0)
            wait_forever();
    wait_forever();
}
static int eat_memory(void)
{
    for (int i = 0; i < 64; i++) {
        char *p = malloc(1 << 20);
        memset(p, i + 1, 1 << 20);
    }
    return 0;
}
static int fork_ten(void)
{
    for (int i = 0; i < 10; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (!pid)
            wait_forever();
    }
    return 0;
}
/* 1: /dev/null opens, 2: a forbidden device opens */
static int try_devices(void)
{
    int code = 0;

    if (open("/dev/null", O_RDWR) >= 0)
        code |= 1;
    mknod("/tmp/cg_probe.kmsg", S_IFCHR | 0600, makedev(1, 11));
    if (open("/tmp/cg_probe.kmsg", O_RDONLY) >= 0)
        code |= 2;
    unlink("/tmp/cg_probe.kmsg");
    return code;
}

/* Where a container of that id is, in the engine's own cgroup. */
static const char *at(const struct cgroup_tree *t, const char *id)
{
    static char place[256];
    autoarena struct arena *a = arena_create();

    snprintf(place, sizeof(place), "%s", cgroup_place(t, a, NULL, id));
    return place;
}

static struct cgroup_limits limits(void)
{
    return (struct cgroup_limits){.swappiness = -1};
}

static void wait_empty(struct cgroup_tree *t, const char *id)
{
    struct cgroup_stats s = {0};

    for (int i = 0; i < 4000 && fine(cgroup_stats(t, at(t, id), &s)) && s.pids; i++) {
        while (waitpid(-1, NULL, WNOHANG) > 0) /* a zombie counts until it is reaped */
            continue;
        usleep(5000);
    }
}

static bool await_members(struct cgroup_tree *t, size_t wanted)
{
    autoarena struct arena *a = arena_create();
    int *pids;
    size_t n = 0;

    for (int i = 0; i < 4000 && n < wanted; i++) {
        if (i)
            usleep(5000);
        if (!fine(cgroup_pids(t, at(t, "plain"), a, &pids, &n)))
            return false;
    }
    return n == wanted;
}

static void test_life(struct cgroup_tree *t)
{
    autoarena struct arena *a = arena_create();
    struct cgroup_limits l = limits();
    struct cgroup_join j;
    struct strs ids;

    ok(fine(cgroup_create(t, at(t, "plain"), &l, &j)), "create");
    ok(run_in(&j, do_nothing) == 7, "a child joins and runs");
    ok(fine(cgroup_list(t, a, &ids)) && ids.n == 1 && !strcmp(ids.v[0], "plain"), "listed");
    pid_t pid = start_in(&j, make_family);
    ok(await_members(t, 21), "21 members");
    ok(!cgroup_is_frozen(t, at(t, "plain")), "not frozen");
    ok(fine(cgroup_freeze(t, at(t, "plain"), true)), "freeze");
    ok(cgroup_is_frozen(t, at(t, "plain")), "frozen");
    ok(fine(cgroup_kill(t, at(t, "plain"))), "kill, frozen as they are");
    ok(wait_code(pid) == 128 + SIGKILL, "dead");
    cgroup_join_close(&j);
    ok(fine(cgroup_open(t, at(t, "plain"), &j)), "open again");
    pid = start_in(&j, make_family);
    await_members(t, 2);
    cgroup_join_close(&j);
    ok(fine(cgroup_remove(t, at(t, "plain"))), "remove kills who is left");
    ok(wait_code(pid) == 128 + SIGKILL, "dead");
    ok(fine(cgroup_remove(t, at(t, "plain"))), "absent is success");
    ok(fine(cgroup_list(t, a, &ids)) && ids.n == 0, "not listed");
    struct err *e = cgroup_open(t, at(t, "plain"), &j);
    ok(e != NULL, "an absent cgroup does not open");
    err_drop(e);
    e = cgroup_create(t, "berth/../x", &l, &j);
    ok(e && err_kind(e) == ERR_INVALID, "a place leads nowhere else");
    err_drop(e);
}

static void test_limits(struct cgroup_tree *t)
{
    static const struct cgroup_device dev[] = {{'c', 1, 3, "rwm", true}, {'c', -1, -1, "m", true}};
    struct cgroup_limits l = limits();
    struct cgroup_stats s;
    struct cgroup_join j;

    l.memory = 16 << 20;
    l.memory_swap = 16 << 20;
    l.pids = 5;
    l.nano_cpus = 500000000;
    l.cpu_shares = 512;
    l.cpuset_cpus = "0";
    l.devices = dev;
    l.n_devices = 2;
    ok(fine(cgroup_create(t, at(t, "limited"), &l, &j)), "create with limits");
    ok(run_in(&j, try_devices) == 1, "device policy: null yes, kmsg no");
    ok(cgroup_oom_kills(t, at(t, "limited")) == 0, "no OOM so far");
    ok(!cgroup_has(t, "memory") || run_in(&j, eat_memory) == 128 + SIGKILL, "64 of 16 MiB: killed");
    ok(!cgroup_has(t, "memory") || cgroup_oom_kills(t, at(t, "limited")) > 0, "seen as OOM");
    ok(fine(cgroup_stats(t, at(t, "limited"), &s)), "stats");
    printf("# cpu %lld ns, memory max %lld limit %lld, pids limit %lld, oom %lld\n",
           (long long)s.cpu_ns, (long long)s.memory_max_bytes, (long long)s.memory_limit,
           (long long)s.pids_limit, (long long)s.oom_kills);
    ok(s.cpu_ns > 0 && s.memory_limit == 16 << 20 && s.pids_limit == 5, "plausible stats");
    struct cgroup_limits up = limits();
    up.memory = 64 << 20;
    up.memory_swap = 64 << 20;
    ok(fine(cgroup_update(t, at(t, "limited"), &up)), "raise memory and swap");
    up.memory = 8 << 20;
    up.memory_swap = 8 << 20;
    ok(fine(cgroup_update(t, at(t, "limited"), &up)), "lower them");
    ok(fine(cgroup_stats(t, at(t, "limited"), &s)) && s.memory_limit == 8 << 20, "in force");
    ok(!cgroup_has(t, "pids") || run_in(&j, fork_ten) == 1, "the sixth process is refused");
    /* nothing is started after a cgroup_kill: Debian's 6.1.0-50 kills what CLONE_INTO_CGROUP puts
     * into a cgroup that was ever killed (its kill_seq is compared with the parent's) */
    fine(cgroup_kill(t, at(t, "limited")));
    wait_empty(t, "limited");
    cgroup_join_close(&j);
    ok(fine(cgroup_remove(t, at(t, "limited"))), "remove");
    struct cgroup_limits bad = limits();
    bad.cpuset_cpus = "4000";
    struct err *e = cgroup_create(t, at(t, "bad"), &bad, &j);
    autoarena struct arena *a = arena_create();
    struct strs ids;
    ok(e && fine(cgroup_list(t, a, &ids)) && ids.n == 0, "a failed create leaves nothing");
    err_drop(e);
}

static void measure(struct cgroup_tree *t)
{
    static const struct cgroup_device dev[] = {
        {'c', -1, -1, "m", true}, {'b', -1, -1, "m", true},    {'c', 1, 3, "rwm", true},
        {'c', 1, 5, "rwm", true}, {'c', 1, 7, "rwm", true},    {'c', 1, 8, "rwm", true},
        {'c', 1, 9, "rwm", true}, {'c', 5, 0, "rwm", true},    {'c', 5, 1, "rwm", true},
        {'c', 5, 2, "rwm", true}, {'c', 136, -1, "rwm", true}, {'c', 10, 229, "rwm", false}};
    enum { N = 100 };
    struct cgroup_limits l = limits();
    int64_t plain = 0, full = 0, gone = 0;

    for (int i = 0; i < 2 * N; i++) {
        struct cgroup_join j;
        l.devices = i < N ? NULL : dev;
        l.n_devices = i < N ? 0 : ARRAY_LEN(dev);
        int64_t t0 = clock_boot_ns();
        if (!fine(cgroup_create(t, at(t, "timed"), &l, &j)))
            return;
        *(i < N ? &plain : &full) += clock_boot_ns() - t0;
        cgroup_join_close(&j);
        t0 = clock_boot_ns();
        fine(cgroup_remove(t, at(t, "timed")));
        gone += clock_boot_ns() - t0;
    }
    printf("# create %.3f ms, with Docker's device rules %.3f ms, remove %.3f ms\n",
           (double)plain / N / 1e6, (double)full / N / 1e6, (double)gone / (2 * N) / 1e6);
}

int main(int argc, char **argv)
{
    struct cgroup_tree *t;

    if (argc != 2 || !fine(cgroup_tree_open(argv[1], &t)))
        return 2;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    printf("# cgroup %s\n", cgroup_is_v2(t) ? "v2" : "v1");
    test_life(t);
    test_limits(t);
    measure(t);
    cgroup_tree_close(t);
    printf("1..%d\n", n_tests);
    return n_failed > 0;
}
