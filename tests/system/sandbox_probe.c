/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links: runtime core base
 * Runs containers of runtime/ through a real keeper, without images, networks or the
 * daemon: a busybox root is made in a temporary directory. Needs root. Prints TAP.
 *
 *     sandbox_probe KEEPER BUSYBOX           the tests
 *     sandbox_probe KEEPER BUSYBOX bench N   times sandbox_compile and create → exit
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "core/loop.h"
#include "runtime/sandbox.h"

#include "detached.h"

#define PROBE_CGROUPS 24

struct probe {
    struct loop *loop;
    struct keeper_conn *keeper;
    struct arena *a;
    const char *dir; /* temporary: root/, exec/ */
    const char *cgroups[PROBE_CGROUPS];
    size_t n_cgroups;
    int n_tests, n_failed;
    unsigned serial;
    int shares_with;         /* pid whose namespaces the next containers enter, 0 none */
    const char *cgroup2_dir; /* the next containers are started as on v2 */
};

struct run { /* one container or exec */
    struct probe *p;
    struct launch launch;
    char id[96];
    struct err *err;
    bool is_spawned, is_exited;
    int pid, pidfd, status;
    struct buf out;
    struct run *next;
};

static struct run *runs;

static void on_exited(void *ctx, const struct keeper_entry *e)
{
    struct probe *p = ctx;

    for (struct run *r = runs; r; r = r->next)
        if (strcmp(r->id, e->id) == 0) {
            r->is_exited = true;
            r->status = e->status;
        }
    keeper_ack(p->keeper, e->id, e->pid);
    loop_stop(p->loop);
}

static int n_lost;
static void on_lost(void *ctx)
{
    struct probe *p = ctx;

    n_lost++;
    loop_stop(p->loop);
}

static void on_adopt(void *ctx, const struct keeper_entry *e, const int *fds)
{
    (void)ctx;
    for (size_t i = 0; i <= e->n_holds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void on_spawned(void *ctx, struct err *err, int pid, int pidfd)
{
    struct run *r = ctx;

    r->err = err;
    r->pid = pid;
    r->pidfd = pidfd;
    r->is_spawned = true;
    loop_stop(r->p->loop);
}

static void die(const char *what, struct err *e)
{
    if (!e)
        return;
    fprintf(stderr, "%s: %s\n", what, err_text(e));
    exit(1);
}

/* ---- the container ---- */

static int open_root(struct probe *p)
{
    int fd;

    die("root", detached_clone(AT_FDCWD, path_join(p->a, p->dir, "root"), 0, &fd));
    return fd;
}

static int open_space(struct probe *p, const char *name)
{
    return open(arena_printf(p->a, "/proc/%d/ns/%s", p->shares_with, name), O_RDONLY | O_CLOEXEC);
}

static void compile(struct probe *p, struct run *r, const char *config, const char *host,
                    int64_t *took)
{
    struct config *c = arena_new(p->a, struct config);
    struct host_config *h = arena_new(p->a, struct host_config);
    int tasks[PROBE_CGROUPS];
    struct sandbox_input in = {
        .id = r->id,
        .config = c,
        .host = h,
        .hostname = "probe",
        .root = open_root(p),
        .ns = {.net = -1, .ipc = -1, .pid = -1, .uts = -1, .shm = -1, .userns = -1},
        .cgroup_tasks = tasks,
        .n_cgroup_tasks = p->n_cgroups,
        .cgroup_dir = -1,
    };
    int64_t start;

    die("config", json_decode(p->a, config, strlen(config), &config_json, c));
    die("host config", json_decode(p->a, host, strlen(host), &host_config_json, h));
    in.ns.host_net = text_same(h->network_mode, "host");
    in.ns.host_pid = text_same(h->pid_mode, "host");
    in.ns.host_ipc = text_same(h->ipc_mode, "host");
    in.ns.host_uts = text_same(h->uts_mode, "host");
    if (p->shares_with) {
        in.ns.pid = (int)syscall(SYS_pidfd_open, p->shares_with, 0);
        in.ns.net = open_space(p, "net");
        in.ns.ipc = open_space(p, "ipc");
    }
    if (p->cgroup2_dir) {
        in.is_v2 = true;
        in.ns.private_cgroup = true;
        in.n_cgroup_tasks = 0;
        in.cgroup_dir = open(p->cgroup2_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    for (size_t i = 0; i < in.n_cgroup_tasks; i++)
        tasks[i] = open(path_join(p->a, p->cgroups[i], "tasks"), O_WRONLY | O_CLOEXEC);
    start = clock_boot_ns();
    r->err = sandbox_check(p->a, c, h);
    if (r->err)
        return;
    r->err = sandbox_compile(p->a, &in, &r->launch);
    if (took)
        *took = clock_boot_ns() - start;
}

static void drain(struct run *r)
{
    enum keeper_role roles[] = {ROLE_STDOUT, ROLE_STDERR, ROLE_PTY};

    for (size_t i = 0; i < r->launch.n_holds; i++)
        for (size_t j = 0; j < ARRAY_LEN(roles); j++) {
            char text[4096];
            ssize_t n;

            if (r->launch.roles[i] != roles[j])
                continue;
            while ((n = read(r->launch.holds[i], text, sizeof(text))) > 0)
                buf_add(&r->out, text, (size_t)n);
        }
}

static void add_run(struct probe *p, struct run *r)
{
    memset(r, 0, sizeof(*r));
    r->p = p;
    r->pidfd = -1;
    launch_init(&r->launch);
    snprintf(r->id, sizeof(r->id), "probe%06u", p->serial++);
    r->next = runs;
    runs = r;
}

static void finish(struct run *r)
{
    runs = r->next;
    launch_close(&r->launch);
    if (r->pidfd >= 0)
        close(r->pidfd);
    buf_finish(&r->out);
    err_drop(r->err);
}

static void spawn(struct run *r)
{
    if (r->err)
        return;
    keeper_spawn(r->p->keeper, &r->launch, on_spawned, r);
    while (!r->is_spawned)
        loop_run(r->p->loop);
}

static void await_exit(struct run *r)
{
    while (!r->err && !r->is_exited)
        loop_run(r->p->loop);
    drain(r);
}

static void check(struct probe *p, bool ok, const char *name, const struct run *r)
{
    p->n_tests++;
    p->n_failed += !ok;
    printf("%s %d - %s\n", ok ? "ok" : "not ok", p->n_tests, name);
    if (!ok)
        printf("# status %x error %s\n# %s\n", r->status, r->err ? err_text(r->err) : "none",
               r->out.data ? r->out.data : "");
    fflush(stdout);
}

/* A shell script in a container: its output must hold `wanted`, or the error must. */
static void expect(struct probe *p, const char *name, const char *config, const char *host,
                   const char *wanted)
{
    struct run r;
    const char *text;

    add_run(p, &r);
    compile(p, &r, config, host, NULL);
    spawn(&r);
    await_exit(&r);
    text = r.err ? err_text(r.err) : r.out.data ? r.out.data : "";
    check(p, strstr(text, wanted) != NULL, name, &r);
    finish(&r);
}

#define SH(script) "{\"Cmd\":[\"sh\",\"-c\",\"" script "\"]}"

static void test_basics(struct probe *p)
{
    expect(p, "echo", SH("echo hello"), "{}", "hello");
    expect(p, "hostname, pid 1", SH("hostname; echo pid $$"), "{}", "probe\npid 1\n");
    expect(p, "environment", SH("env"), "{}",
           "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    expect(p, "HOME from passwd", SH("echo $HOME"), "{}", "/root");
    expect(p, "nothing open but the three", SH("ls /proc/self/fd | tr '\\n' ' '"), "{}",
           "0 1 2 3 ");
    expect(p, "only own processes", SH("set -- /proc/[0-9]*; echo $#"), "{}", "1\n");
    expect(p, "stdin is /dev/null", SH("readlink /proc/self/fd/0; cat; echo end"), "{}", "end");
    expect(p, "default capabilities", SH("grep CapEff /proc/self/status"), "{}",
           "00000000a80425fb");
    expect(p, "no inheritable capabilities", SH("grep CapInh /proc/self/status"), "{}",
           "0000000000000000");
    expect(p, "seccomp is on", SH("grep Seccomp: /proc/self/status"), "{}", "Seccomp:\t2");
    expect(p, "unshare is denied", SH("unshare -u true 2>&1"), "{}", "not permitted");
    expect(p, "mount is denied", SH("mount -t tmpfs x /mnt 2>&1"), "{}", "denied");
    expect(p, "read-only /sys", SH("touch /sys/kernel/x 2>&1"), "{}", "Read-only");
    expect(p, "read-only /proc/sys", SH("echo 1 > /proc/sys/kernel/panic 2>&1 || true"), "{}",
           "Read-only");
    expect(p, "masked path", SH("wc -c < /proc/keys"), "{}", "0\n");
    expect(p, "/sys/firmware is empty", SH("ls /sys/firmware | wc -l"), "{}", "0\n");
    expect(p, "/dev has its nodes", SH("ls /dev | tr '\\n' ' '"), "{}",
           "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero");
    expect(p, "/dev/shm", SH("df -k /dev/shm | tail -1"), "{}", "65536");
    expect(p, "--shm-size", SH("df -k /dev/shm | tail -1"), "{\"ShmSize\":1048576}", "1024");
    expect(p, "/dev/stdout", SH("echo via > /dev/stdout"), "{}", "via");
    expect(p, "ping_group_range", SH("cat /proc/sys/net/ipv4/ping_group_range"), "{}",
           "2147483647");
    expect(p, "sysctl", SH("cat /proc/sys/kernel/shmmni"),
           "{\"Sysctls\":{\"kernel.shmmni\":\"77\"}}", "77\n");
    expect(p, "ulimit", SH("ulimit -n"),
           "{\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":100,\"Hard\":200}]}", "100\n");
    expect(p, "umask", SH("umask"), "{}", "0022");
    expect(p, "oom_score_adj", SH("cat /proc/self/oom_score_adj"), "{\"OomScoreAdj\":100}",
           "100\n");
    expect(p, "oom_score_adj default", SH("cat /proc/self/oom_score_adj"), "{}", "0\n");
    expect(p, "read-only root", SH("touch /x 2>&1"), "{\"ReadonlyRootfs\":true}", "Read-only");
    expect(p, "working directory is made", "{\"Cmd\":[\"pwd\"],\"WorkingDir\":\"/made/here\"}",
           "{}", "/made/here");
}

static void test_identity(struct probe *p)
{
    expect(p, "user by name", "{\"Cmd\":[\"id\"],\"User\":\"guest\"}", "{}",
           "uid=405(guest) gid=100(users) groups=100(users)");
    expect(p, "no capabilities for a user",
           "{\"Cmd\":[\"grep\",\"CapEff\",\"/proc/self/status\"],\"User\":\"guest\"}", "{}",
           "0000000000000000");
    expect(p, "numeric user, group add", "{\"Cmd\":[\"id\"],\"User\":\"7:8\"}",
           "{\"GroupAdd\":[\"9\"]}", "uid=7 gid=8 groups=8,9");
    expect(p, "unknown user", "{\"Cmd\":[\"id\"],\"User\":\"nobody9\"}", "{}",
           "unable to find user nobody9: no matching entries in passwd file");
    expect(p, "user and /dev/stdout",
           "{\"Cmd\":[\"sh\",\"-c\",\"echo x > /dev/stdout\"],"
           "\"User\":\"guest\"}",
           "{}", "x\n");
    expect(p, "no-new-privileges", SH("grep NoNewPrivs /proc/self/status"),
           "{\"SecurityOpt\":[\"no-new-privileges\"]}", "NoNewPrivs:\t1");
    expect(p, "cap-drop ALL", SH("grep CapBnd /proc/self/status"), "{\"CapDrop\":[\"ALL\"]}",
           "0000000000000000");
    expect(p, "seccomp unconfined", SH("grep Seccomp: /proc/self/status"),
           "{\"SecurityOpt\":[\"seccomp:unconfined\"]}", "Seccomp:\t0");
    expect(p, "own seccomp profile", SH("mkdir /never 2>&1; echo done"),
           "{\"SecurityOpt\":[\"seccomp={\\\"defaultAction\\\":\\\"SCMP_ACT_ALLOW\\\","
           "\\\"syscalls\\\":[{\\\"names\\\":[\\\"mkdir\\\",\\\"mkdirat\\\"],"
           "\\\"action\\\":\\\"SCMP_ACT_ERRNO\\\"}]}\"]}",
           "Operation not permitted");
    expect(p, "privileged", SH("mount -t tmpfs x /mnt && echo mounted"), "{\"Privileged\":true}",
           "mounted");
    expect(p, "privileged has devices", SH("ls /dev/kmsg"), "{\"Privileged\":true}", "/dev/kmsg");
    expect(p, "--device", SH("ls -l /dev/mykmsg"),
           "{\"Devices\":[{\"PathOnHost\":\"/dev/kmsg\",\"PathInContainer\":\"/dev/mykmsg\"}]}",
           "crw");
    expect(p, "device elsewhere", SH("ls -l /elsewhere"),
           "{\"Devices\":[{\"PathOnHost\":\"/dev/kmsg\",\"PathInContainer\":\"/elsewhere\"}]}",
           "crw");
    expect(p, "host namespaces", SH("readlink /proc/self/ns/uts"),
           "{\"UTSMode\":\"host\",\"NetworkMode\":\"host\",\"IpcMode\":\"host\",\"PidMode\":"
           "\"host\"}",
           "uts:");
    expect(p, "init", SH("echo my pid $$"), "{\"Init\":true}", "my pid 2");
    expect(p, "ipc none has no shm", SH("ls /dev/shm 2>&1"), "{\"IpcMode\":\"none\"}",
           "No such file");
}

static void test_failures(struct probe *p)
{
    expect(p, "not in PATH", "{\"Cmd\":[\"nosuchthing\"]}", "{}",
           "exec: \"nosuchthing\": executable file not found in $PATH");
    expect(p, "missing file", "{\"Cmd\":[\"/no/such\"]}", "{}",
           "exec: \"/no/such\": stat /no/such: no such file or directory");
    expect(p, "directory", "{\"Cmd\":[\"/etc\"]}", "{}", "exec: \"/etc\": is a directory");
    expect(p, "no permission", "{\"Cmd\":[\"/etc/passwd\"]}", "{}",
           "exec: \"/etc/passwd\": permission denied");
    expect(p, "not a program", "{\"Cmd\":[\"/etc/notes\"]}", "{}",
           "exec: \"/etc/notes\": exec format error");
    expect(p, "cwd is a file", "{\"Cmd\":[\"true\"],\"WorkingDir\":\"/etc/passwd\"}", "{}",
           "not a directory");
    expect(p, "no command", "{}", "{}", "no command specified");
    expect(p, "link for a fd as cwd", "{\"Cmd\":[\"pwd\"],\"WorkingDir\":\"/proc/self/fd/7\"}",
           "{}", "chdir to cwd");
}

/* An image may ship /dev as a link to anywhere (CVE-2026-41579). */
static void test_hostile_root(struct probe *p)
{
    const char *dev = path_join(p->a, p->dir, "root/dev");

    if (rmdir(dev) < 0 || symlink("/etc", dev) < 0)
        die("link", err_sys("make %s a link", dev));
    expect(p, "/dev of the image is a link", SH("echo never"), "{}",
           "/dev of the image is not a directory");
    unlink(dev);
}

static void test_terminal(struct probe *p)
{
    expect(p, "terminal",
           "{\"Cmd\":[\"sh\",\"-c\",\"tty; ls -l /dev/console; echo $TERM\"],"
           "\"Tty\":true}",
           "{}", "/dev/pts/0");
    expect(p, "console is the terminal",
           "{\"Cmd\":[\"sh\",\"-c\",\"echo hi > /dev/console; sleep 0.1\"],\"Tty\":true}", "{}",
           "hi");
    expect(p, "TERM", "{\"Cmd\":[\"sh\",\"-c\",\"echo $TERM\"],\"Tty\":true}", "{}", "xterm");
    expect(p, "terminal of a user",
           "{\"Cmd\":[\"sh\",\"-c\",\"echo x > /dev/tty; tty\"],\"Tty\":true,\"User\":\"guest\"}",
           "{}", "x");
}

/* ---- exec ---- */

static void exec_in(struct probe *p, struct run *box, const char *name, const char *exec,
                    const char *wanted)
{
    struct exec_config *x = arena_new(p->a, struct exec_config);
    struct config *c = arena_new(p->a, struct config);
    struct host_config *h = arena_new(p->a, struct host_config);
    int tasks[PROBE_CGROUPS];
    struct exec_input in = {
        .config = x,
        .container = c,
        .host = h,
        .pid = box->pid,
        .pidfd = fcntl(box->pidfd, F_DUPFD_CLOEXEC, 3),
        .cgroup_tasks = tasks,
        .n_cgroup_tasks = p->n_cgroups,
        .cgroup_dir = -1,
    };
    struct run r;
    const char *text;

    add_run(p, &r);
    snprintf(r.id, sizeof(r.id), "%.40s/%u", box->id, p->serial++);
    in.id = r.id;
    die("exec config", json_decode(p->a, exec, strlen(exec), &exec_config_json, x));
    for (size_t i = 0; i < p->n_cgroups; i++)
        tasks[i] = open(path_join(p->a, p->cgroups[i], "tasks"), O_WRONLY | O_CLOEXEC);
    r.err = exec_compile(p->a, &in, &r.launch);
    spawn(&r);
    await_exit(&r);
    text = r.err ? err_text(r.err) : r.out.data ? r.out.data : "";
    check(p, strstr(text, wanted) != NULL, name, &r);
    finish(&r);
}

static void test_exec(struct probe *p)
{
    struct run box;

    add_run(p, &box);
    compile(p, &box, "{\"Cmd\":[\"sleep\",\"100\"]}", "{}", NULL);
    spawn(&box);
    check(p, !box.err, "a container that stays", &box);
    if (box.err)
        return;
    exec_in(p, &box, "exec",
            "{\"Cmd\":[\"sh\",\"-c\",\"hostname; cat /proc/1/cmdline\"],"
            "\"AttachStdout\":true,\"AttachStderr\":true}",
            "probe\nsleep");
    exec_in(p, &box, "exec has the filter",
            "{\"Cmd\":[\"grep\",\"-E\",\"Seccomp:|CapEff\",\"/proc/self/status\"],"
            "\"AttachStdout\":true}",
            "a80425fb\nSeccomp:\t2");
    exec_in(p, &box, "exec privileged",
            "{\"Cmd\":[\"grep\",\"CapEff\",\"/proc/self/status\"],\"AttachStdout\":true,"
            "\"Privileged\":true}",
            "1ff");
    exec_in(p, &box, "exec as a user",
            "{\"Cmd\":[\"id\"],\"AttachStdout\":true,\"User\":\"guest\"}", "uid=405");
    exec_in(p, &box, "exec with a terminal",
            "{\"Cmd\":[\"tty\"],\"AttachStdout\":true,\"Tty\":true}", "/dev/pts/0");
    exec_in(p, &box, "exec: no such program", "{\"Cmd\":[\"nosuch\"],\"AttachStdout\":true}",
            "exec: \"nosuch\": executable file not found in $PATH");
    exec_in(p, &box, "exec: no such directory",
            "{\"Cmd\":[\"true\"],\"WorkingDir\":\"/nodir\",\"AttachStdout\":true}",
            "chdir to cwd (\"/nodir\") set in config.json failed: no such file or directory");
    exec_in(p, &box, "exec: leaked descriptor as directory",
            "{\"Cmd\":[\"pwd\"],\"WorkingDir\":\"/proc/self/fd/8\",\"AttachStdout\":true}",
            "chdir to cwd");
    kill(box.pid, SIGKILL);
    await_exit(&box);
    check(p, WIFSIGNALED(box.status), "killed", &box);
    exec_in(p, &box, "exec in a dead one", "{\"Cmd\":[\"true\"],\"AttachStdout\":true}",
            "not running");
    finish(&box);
}

static void test_sharing(struct probe *p)
{
    struct run box;

    add_run(p, &box);
    compile(p, &box, "{\"Cmd\":[\"sleep\",\"99\"]}", "{}", NULL);
    spawn(&box);
    p->shares_with = box.pid;
    expect(p, "the other's processes", SH("cat /proc/1/cmdline"), "{\"PidMode\":\"container:x\"}",
           "sleep");
    expect(p, "the same network",
           SH("[ $(readlink /proc/self/ns/net) = $(readlink /proc/1/ns/net) ] && echo same"),
           "{\"PidMode\":\"container:x\",\"NetworkMode\":\"container:x\"}", "same");
    expect(p, "terminal beside another", "{\"Cmd\":[\"tty\"],\"Tty\":true}",
           "{\"PidMode\":\"container:x\"}", "/dev/pts/0");
    p->shares_with = 0;
    kill(box.pid, SIGKILL);
    await_exit(&box);
    finish(&box);
}

static void test_cgroup1(struct probe *p)
{
    if (!p->n_cgroups) /* a pure v2 host */
        return;
    expect(p, "cgroups are shown", SH("ls /sys/fs/cgroup/memory/memory.limit_in_bytes"), "{}",
           "memory.limit_in_bytes");
    expect(p, "cgroups are read-only", SH("echo 1 > /sys/fs/cgroup/memory/tasks 2>&1 || true"),
           "{}", "Read-only");
}

static void test_cgroup2(struct probe *p)
{
    const char *root = p->n_cgroups ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
    const char *dir = arena_printf(p->a, "%s/sandbox-probe-%d", root, getpid());

    if (mkdir(dir, 0755) < 0)
        return;
    p->cgroup2_dir = dir;
    expect(p, "v2: a cgroup namespace", SH("grep 0:: /proc/self/cgroup"), "{}", "0::/\n");
    expect(p, "v2: its own processes", SH("wc -l < /sys/fs/cgroup/cgroup.procs"), "{}", "1\n");
    expect(p, "v2: read-only", SH("mkdir /sys/fs/cgroup/x 2>&1"), "{}", "Read-only");
    p->cgroup2_dir = NULL;
    rmdir(dir);
}

static void test_keeper_death(struct probe *p)
{
    struct run box;

    add_run(p, &box);
    compile(p, &box, "{\"Cmd\":[\"sleep\",\"100\"]}", "{}", NULL);
    spawn(&box);
    kill(keeper_pid(p->keeper), SIGKILL);
    while (!n_lost)
        loop_run(p->loop);
    expect(p, "a killed keeper is replaced", SH("echo second life"), "{}", "second life");
    check(p, n_lost == 1, "the loss was told", &box);
    kill(box.pid, SIGKILL);
    if (box.pidfd >= 0) {
        siginfo_t info = {0};
        int rc = waitid(P_PIDFD, (id_t)box.pidfd, &info, WEXITED);

        check(p, rc == 0 && info.si_status == SIGKILL, "its container's code is known", &box);
    }
    finish(&box);
}

/* ---- time ---- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void bench(struct probe *p, int n)
{
    int64_t *compiles = mem_array((size_t)n, sizeof(int64_t));
    int64_t *totals = mem_array((size_t)n, sizeof(int64_t)), first;

    for (int i = 0; i < n; i++) {
        struct run r;
        int64_t start = clock_boot_ns();

        add_run(p, &r);
        compile(p, &r, "{\"Cmd\":[\"true\"]}", "{}", &compiles[i]);
        die("compile", r.err);
        spawn(&r);
        await_exit(&r);
        totals[i] = clock_boot_ns() - start;
        finish(&r);
    }
    first = compiles[0];
    qsort(compiles, (size_t)n, sizeof(int64_t), by_value);
    qsort(totals, (size_t)n, sizeof(int64_t), by_value);
    printf("# sandbox_compile first %lld us p50 %lld us p95 %lld us; compile → exit p50 %lld us "
           "p95 %lld us\n",
           (long long)first / 1000, (long long)compiles[n / 2] / 1000,
           (long long)compiles[n * 95 / 100] / 1000, (long long)totals[n / 2] / 1000,
           (long long)totals[n * 95 / 100] / 1000);
    free(compiles);
    free(totals);
}

/* Many at once: the socket fills up, answers come in any order. */
static void test_burst(struct probe *p, int n)
{
    struct run *all = mem_array((size_t)n, sizeof(*all));
    int n_good = 0, n_done;

    for (int i = 0; i < n; i++) {
        add_run(p, &all[i]);
        compile(p, &all[i], SH("echo $((40 + 2)); exit 7"), "{}", NULL);
        if (!all[i].err)
            keeper_spawn(p->keeper, &all[i].launch, on_spawned, &all[i]);
    }
    do {
        n_done = 0;
        for (int i = 0; i < n; i++)
            n_done += all[i].err || (all[i].is_spawned && all[i].is_exited);
        if (n_done < n)
            loop_run(p->loop);
    } while (n_done < n);
    for (int i = 0; i < n; i++) {
        drain(&all[i]);
        n_good += !all[i].err && WEXITSTATUS(all[i].status) == 7 && all[i].out.data &&
                  strcmp(all[i].out.data, "42\n") == 0;
    }
    check(p, n_good == n, "a burst of containers", &all[0]);
    while (runs)
        finish(runs);
    free(all);
}

/* ---- surroundings ---- */

static void put(struct probe *p, const char *path, const char *text, unsigned mode)
{
    const char *full = path_join(p->a, p->dir, path);
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        die(full, err_sys("write"));
    close(fd);
}

static void make_root(struct probe *p, const char *busybox)
{
    static const char *const dirs[] = {"root/bin", "root/etc", "root/root",
                                       "root/mnt", "root/tmp", "exec"};
    static const char *const applets[] = {
        "sh",      "echo",  "cat",   "ls", "id",   "env",      "grep",
        "sleep",   "true",  "tr",    "wc", "pwd",  "hostname", "mount",
        "unshare", "touch", "mkdir", "df", "tail", "readlink", "tty"};
    char *text;
    size_t n;
    int fd;

    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        die("make", dir_make_all(path_join(p->a, p->dir, dirs[i]), 0755));
    die("busybox", file_read(p->a, AT_FDCWD, busybox, 16 << 20, &text, &n));
    fd = open(path_join(p->a, p->dir, "root/bin/busybox"), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    die("busybox", fd_write_all(fd, text, n));
    close(fd);
    for (size_t i = 0; i < ARRAY_LEN(applets); i++)
        if (symlink("busybox", path_join(p->a, path_join(p->a, p->dir, "root/bin"), applets[i])) <
            0)
            die("link", err_sys("link"));
    put(p, "root/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nguest:x:405:100:guest:/home:/bin/sh\n", 0644);
    put(p, "root/etc/group", "root:x:0:root\nusers:x:100:\n", 0644);
    put(p, "root/etc/notes", "no program\n", 0755);
}

static void make_cgroups(struct probe *p)
{
    static const char *const names[] = {
        "blkio",   "cpu",        "cpuacct", "cpuset",  "devices",     "freezer",         "memory",
        "net_cls", "perf_event", "pids",    "hugetlb", "cpu,cpuacct", "net_cls,net_prio"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *parent = path_join(p->a, "/sys/fs/cgroup", names[i]);
        const char *dir = arena_printf(p->a, "%s/sandbox-probe-%d", parent, getpid());
        struct stat st;

        if (lstat(parent, &st) < 0 || !S_ISDIR(st.st_mode) || mkdir(dir, 0755) < 0)
            continue;
        if (strcmp(names[i], "cpuset") == 0) {
            int fd = open(dir, O_PATH | O_CLOEXEC);
            struct err *e = file_put(fd, "cpuset.cpus", "0");

            err_drop(e);
            e = file_put(fd, "cpuset.mems", "0");
            err_drop(e);
            close(fd);
        }
        p->cgroups[p->n_cgroups++] = dir;
    }
}

static void clean_up(struct probe *p)
{
    int fd = open("/tmp", O_PATH | O_CLOEXEC);

    for (size_t i = 0; i < p->n_cgroups; i++)
        for (int j = 0; j < 100 && rmdir(p->cgroups[i]) < 0; j++)
            poll(NULL, 0, 20);
    err_drop(dir_remove_tree(fd, strrchr(p->dir, '/') + 1));
    close(fd);
}

int main(int argc, char **argv)
{
    static const struct keeper_hooks hooks = {.exited = on_exited, .lost = on_lost};
    struct probe p = {.loop = loop_create(), .a = arena_create()};
    char dir[] = "/tmp/sandbox-probe-XXXXXX";

    if (argc < 3 || !mkdtemp(dir))
        return 2;
    p.dir = dir;
    make_root(&p, argv[2]);
    make_cgroups(&p);
    die("keeper",
        keeper_open(p.loop, path_join(p.a, dir, "exec"), argv[1], &hooks, &p, on_adopt, &p.keeper));
    sandbox_warm();
    if (argc > 4) {
        uint32_t n = 0;

        if (text_to_u32(argv[4], &n) && n)
            bench(&p, (int)n);
    } else {
        test_basics(&p);
        test_identity(&p);
        test_failures(&p);
        test_hostile_root(&p);
        test_terminal(&p);
        test_exec(&p);
        test_sharing(&p);
        test_cgroup1(&p);
        test_cgroup2(&p);
        test_burst(&p, 300);
        test_keeper_death(&p);
        printf("1..%d\n# %d failed\n", p.n_tests, p.n_failed);
    }
    keeper_close(p.keeper);
    clean_up(&p);
    arena_destroy(p.a);
    return p.n_failed != 0;
}
