/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_probe KEEPER BUSYBOX: drives berth-keeper without an engine and prints TAP. Programs
 * are made by hand, the root file system is a directory with busybox. Needs root; everything
 * happens in a temporary directory and in namespaces of the children. `bench` as a third
 * argument measures instead.
 */
#include "keeper_client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET };

static struct {
    const char *keeper;
    char dir[64], root[96], exec_root[96];
    pid_t pid;
    int link;
    int netns; /* joined instead of making one; -1 */
    unsigned n, n_failed;
    char output[65536];
} probe;

static void check(bool is_good, const char *what)
{
    probe.n++;
    probe.n_failed += !is_good;
    printf("%sok %u - %s\n", is_good ? "" : "not ", probe.n, what);
    fflush(stdout);
}

static void checkf(bool is_good, const char *what, const char *detail)
{
    check(is_good, what);
    if (!is_good)
        printf("# %s\n", detail);
}

/* Root file system */

static void write_text(const char *name, const char *text, mode_t mode)
{
    char path[200];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", probe.root, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        die(path);
    close(fd);
}

static void make_rootfs(const char *busybox)
{
    static const char *const dirs[] = {"", "bin", "etc", "proc", "sys", "tmp"};
    char path[200], command[400];

    const char *tmp = getenv("TMPDIR");

    snprintf(probe.dir, sizeof(probe.dir), "%s/keeper-probe-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(probe.dir))
        die("mkdtemp");
    snprintf(probe.root, sizeof(probe.root), "%s/rootfs", probe.dir);
    snprintf(probe.exec_root, sizeof(probe.exec_root), "%s/exec", probe.dir);
    mkdir(probe.exec_root, 0700);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", probe.root, dirs[i]);
        if (mkdir(path, 0755))
            die(path);
    }
    snprintf(path, sizeof(path), "%s/bin/busybox", probe.root);
    snprintf(command, sizeof(command), "%s", busybox);
    int in = open(command, O_RDONLY), out = open(path, O_WRONLY | O_CREAT, 0755);
    ssize_t n;
    while ((n = read(in, command, sizeof(command))) > 0)
        if (write(out, command, (size_t)n) != n)
            die("copy busybox");
    close(in);
    close(out);
    static const char *const links[] = {"sh", "echo", "cat", "sleep", "true", "stat", "grep"};
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        snprintf(path, sizeof(path), "%s/bin/%s", probe.root, links[i]);
        if (symlink("busybox", path))
            die(path);
    }
    write_text("etc/plain", "x\n", 0644);
    write_text("bin/broken", "#!/no/such/interpreter\n", 0755);
    write_text("bin/garbage",
               "\x7f"
               "garbage",
               0755);
    snprintf(path, sizeof(path), "%s/dangling", probe.root);
    if (symlink("/made/by/keeper", path))
        die(path);
    snprintf(path, sizeof(path), "%s/escape", probe.root);
    if (symlink("../../../../etc", path))
        die(path);
}

static void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        char child[512];

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
        if (e->d_type == DT_DIR)
            remove_tree(child);
        else
            unlink(child);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

static int clone_root(void)
{
    return open_tree(AT_FDCWD, probe.root, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static int new_tmpfs(void)
{
    int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), m = -1;

    if (fs >= 0 && !fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        m = fsmount(fs, FSMOUNT_CLOEXEC, 0);
    close(fs);
    return m;
}

static int open_in(int dir, const char *name)
{
    return openat(dir, name, O_PATH | O_CLOEXEC);
}

/* Programs */

/* Everything a container usually has, up to and without P_ENV and P_EXEC. */
static void begin_container(struct job *j)
{
    unsigned root, dev, null, empty, out;
    int ends[2], dev_mount = new_tmpfs();
    const struct program_caps caps = {
        .bounding = 0xa80425fb, .permitted = 0xa80425fb, .effective = 0xa80425fb};

    job_init(j);
    j->clone_flags = NAMESPACES;
    if (probe.netns >= 0) {
        j->clone_flags &= ~(uint64_t)CLONE_NEWNET;
        job_op(j, P_SETNS, 0, (int)job_fd(j, dup(probe.netns)), CLONE_NEWNET, 0, 0, NULL, 0);
    }
    mknodat(dev_mount, "null", S_IFCHR | 0666, makedev(1, 3));
    if (pipe2(ends, O_CLOEXEC))
        die("pipe");
    root = job_fd(j, clone_root());
    null = job_fd(j, open_in(dev_mount, "null"));
    dev = job_fd(j, dev_mount);
    empty = job_fd(j, new_tmpfs());
    out = job_fd(j, ends[1]);
    j->out = ends[0];
    job_hold(j, dup(ends[0]), ROLE_STDOUT);
    job_op(j, P_ROOT, 0, (int)root, 0, 0, 0, NULL, 0);
    job_text(j, P_ATTACH, PF_MAKE_DIR, (int)dev, "/dev");
    job_op(j, P_MOUNT, PF_MAKE_DIR, -1, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0,
           0, "proc\0/proc\0\0", 12);
    job_op(j, P_MOUNT, PF_MAKE_DIR, -1, MOUNT_ATTR_RDONLY, 0, 0, "sysfs\0/sys\0\0", 12);
    job_op(j, P_MASK, 0, (int)empty, 0, null, 0, "/proc/fs", 9);
    job_op(j, P_MASK, 0, (int)empty, 0, null, 0, "/proc/version", 14);
    job_op(j, P_MASK, 0, (int)empty, 0, null, 0, "/proc/nothing-here", 19);
    job_text(j, P_READONLY, 0, -1, "/proc/sys");
    job_op(j, P_PIVOT, 0, -1, 0, 0, 0, NULL, 0);
    job_text(j, P_HOSTNAME, 0, -1, "probe");
    job_op(j, P_SYSCTL, 0, -1, 0, 0, 0,
           "net/ipv4/ip_forward\0"
           "1",
           22);
    job_op(j, P_OOM_SCORE, 0, -1, 300, 0, 0, NULL, 0);
    job_op(j, P_DUP, 0, (int)null, 0, 0, 0, NULL, 0);
    job_op(j, P_DUP, 0, (int)out, 1, 0, 0, NULL, 0);
    job_op(j, P_DUP, 0, (int)out, 2, 0, 0, NULL, 0);
    job_op(j, P_SETSID, 0, -1, 0, 0, 0, NULL, 0);
    job_text(j, P_CWD, PF_MAKE_DIR, -1, "/tmp");
    job_op(j, P_CAPS, 0, -1, 0, 0, 0, &caps, sizeof(caps));
}

/* stdin must not be an O_PATH fd: P_DUP of it is what the engine's plan must not do either. */
static void end_container(struct job *j, uint32_t uid, const char *const *argv)
{
    static const char *const env[] = {"PATH=/nowhere:/bin:/etc", "A=b", NULL};

    job_op(j, P_USER, 0, -1, uid, uid, 0, NULL, 0);
    job_strings(j, P_ENV, env);
    job_strings(j, P_EXEC, argv);
}

static const char *const *shell(const char *script)
{
    static const char *argv[] = {"sh", "-c", NULL, NULL};

    argv[2] = script;
    return argv;
}

static void read_output(int fd)
{
    size_t n = 0;
    ssize_t got;

    while (n < sizeof(probe.output) - 1 &&
           (got = read(fd, probe.output + n, sizeof(probe.output) - 1 - n)) > 0)
        n += (size_t)got;
    probe.output[n] = 0;
    close(fd);
}

/* Starts, waits, acknowledges. False: it did not start; then r is the refusal. */
static bool run_job(struct job *j, const char *id, struct reply *r, int *out_status)
{
    int out = j->out, pid;
    bool has_started;

    client_spawn(probe.link, j, id, 42);
    do {
        if (!client_receive(probe.link, r, 10000))
            die("no answer to a spawn");
    } while (r->head.tag != 42);
    has_started = r->head.type == KM_SPAWNED;
    if (has_started) {
        pid = r->entry.pid;
        has_started = r->n_fds == 1 && pid > 0 && r->entry.start_ticks > 0;
        reply_close(r);
        if (out >= 0)
            read_output(out);
        if (!client_await(probe.link, KM_EXITED, r) || r->entry.pid != pid)
            die("no exit");
        *out_status = r->entry.status;
        client_ref(probe.link, KM_ACK, id, pid, 0, NULL, 0);
    } else if (out >= 0) {
        close(out);
    }
    return has_started;
}

static int run_shell(const char *script)
{
    struct job j;
    struct reply r;
    int status = -1;

    begin_container(&j);
    end_container(&j, 0, shell(script));
    if (!run_job(&j, "c-shell", &r, &status)) {
        printf("# refused: at %u code %u sys %s why %u: %s\n", r.failed.at, r.failed.code,
               strerror(r.failed.sys), r.failed.why, r.failed.detail);
        return -1;
    }
    return status;
}

/* Tests */

static void test_output(void)
{
    check(run_shell("echo hello; echo $A $0") == 0, "a shell runs and ends with 0");
    checkf(!strcmp(probe.output, "hello\nb sh\n"), "its output and environment", probe.output);
    run_shell("hostname; echo $$; pwd; ls /; cat /proc/self/mountinfo | wc -l; cat "
              "/proc/sys/net/ipv4/ip_forward; cat /proc/self/oom_score_adj; ls /proc/self/fd | wc "
              "-l; ls /sys/class/net");
    checkf(strstr(probe.output, "probe\n1\n/tmp\n"), "own names, pid 1, working directory",
           probe.output);
    checkf(strstr(probe.output, "\n1\n300\n4\nlo\n"), "sysctl, oom score, descriptors, sysfs",
           probe.output);
    run_shell("cat /proc/self/mountinfo | sed 's/ - / /' | cut -d' ' -f5 | sort");
    checkf(!strcmp(probe.output, "/\n/dev\n/proc\n/proc/fs\n/proc/sys\n/proc/version\n/sys\n"),
           "no mount but its own", probe.output);
}

static void test_masks(void)
{
    run_shell("cat /proc/version | wc -c; ls /proc/fs | wc -l; echo 1 2>/dev/null "
              ">/proc/sys/kernel/panic || echo refused");
    checkf(!strcmp(probe.output, "0\n0\nrefused\n"), "masked and read-only paths", probe.output);
}

static void test_privileges(void)
{
    struct job j;
    struct reply r;
    int status;

    run_shell("grep -E 'Cap|NoNew|Sig' /proc/self/status");
    checkf(strstr(probe.output, "CapPrm:\t00000000a80425fb\n") &&
               strstr(probe.output, "CapInh:\t0000000000000000\n") &&
               strstr(probe.output, "CapBnd:\t00000000a80425fb\n") &&
               strstr(probe.output, "CapAmb:\t0000000000000000\n"),
           "root's capability sets", probe.output);
    static const char *const direct[] = {"grep", "Sig", "/proc/self/status", NULL};
    begin_container(&j);
    end_container(&j, 0, direct);
    run_job(&j, "c-sig", &r, &status);
    checkf(strstr(probe.output, "SigBlk:\t0000000000000000\n") &&
               strstr(probe.output, "SigIgn:\t0000000000000000\n"),
           "signals are unblocked and default", probe.output);
    begin_container(&j);
    job_op(&j, P_NO_NEW_PRIVS, 0, -1, 0, 0, 0, NULL, 0);
    end_container(&j, 1000, shell("id -u; grep -E 'Cap|NoNew|Groups' /proc/self/status"));
    run_job(&j, "c-user", &r, &status);
    checkf(strstr(probe.output, "1000\n") && strstr(probe.output, "CapEff:\t0000000000000000\n") &&
               strstr(probe.output, "CapBnd:\t00000000a80425fb\n") &&
               strstr(probe.output, "NoNewPrivs:\t1\n"),
           "a plain user has none", probe.output);
}

static void expect_refusal(struct job *j, const char *what, unsigned code, int sys, unsigned why,
                           const char *detail)
{
    struct reply r;
    int status;
    char text[400];
    bool is_refused = !run_job(j, "c-refused", &r, &status);

    snprintf(text, sizeof(text), "type %u at %u code %u sys %s why %u: %s", r.head.type,
             r.failed.at, r.failed.code, strerror(r.failed.sys), r.failed.why, r.failed.detail);
    checkf(is_refused && r.head.type == KM_SPAWN_FAILED && r.failed.code == code &&
               r.failed.sys == sys && r.failed.why == why && !strcmp(r.failed.detail, detail),
           what, text);
}

static void refuse_exec(const char *what, const char *name, int sys, unsigned why,
                        const char *detail)
{
    const char *const argv[] = {name, NULL};
    struct job j;

    begin_container(&j);
    end_container(&j, 0, argv);
    expect_refusal(&j, what, P_EXEC, sys, why, detail);
}

static void refuse_cwd(const char *what, const char *path, unsigned flags, int sys,
                       const char *detail)
{
    struct job j;

    begin_container(&j);
    job_text(&j, P_CWD, flags, -1, path);
    end_container(&j, 0, shell("true"));
    expect_refusal(&j, what, P_CWD, sys, 0, detail);
}

static void test_refusals(void)
{
    refuse_exec("not in PATH", "nope", ENOENT, PROGRAM_WHY_NOT_IN_PATH, "nope");
    refuse_exec("in PATH but not executable", "plain", EACCES, PROGRAM_WHY_NOT_IN_PATH, "plain");
    refuse_exec("missing executable", "/bin/nope", ENOENT, PROGRAM_WHY_LOOKUP, "/bin/nope");
    refuse_exec("a directory", "/etc", EISDIR, PROGRAM_WHY_LOOKUP, "/etc");
    refuse_exec("no permission", "/etc/plain", EACCES, PROGRAM_WHY_LOOKUP, "/etc/plain");
    refuse_exec("missing interpreter", "broken", ENOENT, PROGRAM_WHY_EXECVE, "/bin/broken");
    refuse_exec("not a format", "garbage", ENOEXEC, PROGRAM_WHY_EXECVE, "/bin/garbage");
    refuse_cwd("missing working directory", "/no/such", 0, ENOENT, "/no/such");
    refuse_cwd("working directory is a file", "/etc/plain", PF_MAKE_DIR, ENOTDIR, "/etc/plain");
    refuse_cwd("working directory through a magic link", "/proc/self/fd/0", 0, ELOOP,
               "/proc/self/fd/0");
}

static void refuse_attach(const char *what, const char *target, int sys, const char *detail)
{
    struct job j;

    job_init(&j);
    j.clone_flags = NAMESPACES;
    unsigned root = job_fd(&j, clone_root()), mount = job_fd(&j, new_tmpfs());
    job_op(&j, P_ROOT, 0, (int)root, 0, 0, 0, NULL, 0);
    job_op(&j, P_MOUNT, PF_MAKE_DIR, -1, 0, 0, 0, "proc\0/proc\0\0", 12);
    job_text(&j, P_ATTACH, PF_MAKE_DIR, (int)mount, target);
    end_container(&j, 0, shell("true"));
    expect_refusal(&j, what, sys == EINVAL ? 0 : P_ATTACH, sys, 0, detail);
}

static void swap_for_link(const char *name, const char *to)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", probe.root, name);
    remove_tree(path);
    if (symlink(to, path))
        die(path);
}

static void test_targets(void)
{
    struct job j;
    struct reply r;
    int status;
    char path[200];

    refuse_attach("a mount over /proc", "/proc", EPERM, "/proc: is inside /proc");
    refuse_attach("a mount inside /proc", "/proc/self/attr", EPERM,
                  "/proc/self/attr: is inside /proc");
    refuse_attach("dot dot in a target", "/tmp/../x", EINVAL, "path is not absolute or has \"..\"");
    begin_container(&j);
    unsigned mount = job_fd(&j, new_tmpfs());
    job_text(&j, P_ATTACH, PF_MAKE_DIR, (int)mount, "/dangling/below");
    snprintf(path, sizeof(path), "%s/etc/plain", probe.root);
    unsigned file = job_fd(&j, open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    job_text(&j, P_ATTACH, PF_MAKE_FILE, (int)file, "/escape/made-file");
    end_container(&j, 0, shell("stat -c %n /made/by/keeper/below /etc/made-file"));
    run_job(&j, "c-link", &r, &status);
    checkf(!strcmp(probe.output, "/made/by/keeper/below\n/etc/made-file\n"),
           "links are followed inside the root only", probe.output);
    snprintf(path, sizeof(path), "%s/etc/made-file", probe.root);
    check(!access(path, F_OK) && access("/etc/made-file", F_OK), "and the host has nothing of it");
    swap_for_link("sys", "/etc");
    begin_container(&j);
    end_container(&j, 0, shell("true"));
    expect_refusal(&j, "an image with a link for /sys", P_MOUNT, ENOTDIR, 0,
                   "/sys: is not a directory in the image");
    snprintf(path, sizeof(path), "%s/sys", probe.root);
    unlink(path);
    mkdir(path, 0755);
}

static void test_codes(void)
{
    check(run_shell("exit 42") == 42 << 8, "exit code 42");
    check(run_shell("exit 255") == 255 << 8, "exit code 255");
    check(run_shell("kill -9 $$; exit 3") == 3 << 8, "pid 1 cannot kill itself");
    struct job j;
    struct reply r;

    begin_container(&j);
    end_container(&j, 0, shell("sleep 100"));
    close(j.out);
    client_spawn(probe.link, &j, "c-kill", 43);
    if (!client_await(probe.link, KM_SPAWNED, &r))
        die("spawn");
    syscall(SYS_pidfd_send_signal, r.fds[0], SIGKILL, NULL, 0);
    reply_close(&r);
    client_await(probe.link, KM_EXITED, &r);
    check(r.entry.status == SIGKILL, "killed by SIGKILL");
    client_ref(probe.link, KM_ACK, "c-kill", r.entry.pid, 0, NULL, 0);
}

static void reconnect(void)
{
    close(probe.link);
    probe.link = client_connect(probe.exec_root);
    if (probe.link < 0)
        die("reconnect");
    client_hello(probe.link);
}

/* It has ended, and its parent has taken note. */
static void await_gone(int pid)
{
    for (int i = 0; i < 2000 && !kill(pid, 0); i++)
        usleep(10000);
}

static int first_child(void)
{
    char path[64];
    int pid = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", probe.pid, probe.pid);
    f = fopen(path, "r");
    if (f && fscanf(f, "%d", &pid) != 1)
        pid = 0;
    if (f)
        fclose(f);
    return pid;
}

static void begin_hanging(struct job *j, int *out_read_end)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
        die("pipe");
    while (write(ends[1], probe.output, 4096) > 0)
        ;
    fcntl(ends[1], F_SETFL, 0);
    job_init(j);
    j->clone_flags = NAMESPACES;
    job_op(j, P_CGROUP, 0, (int)job_fd(j, ends[1]), 0, 0, 0, NULL, 0);
    *out_read_end = ends[0];
}

static void test_killed_start(void)
{
    struct job j;
    struct reply r;
    int pipe_end, pid = 0;

    begin_hanging(&j, &pipe_end);
    end_container(&j, 0, shell("true"));
    client_spawn(probe.link, &j, "c-killed", 45);
    for (int i = 0; i < 1000 && !pid; i++) {
        usleep(10000);
        pid = first_child();
    }
    if (pid)
        kill(pid, SIGKILL);
    checkf(client_receive(probe.link, &r, 5000) && r.head.type == KM_SPAWN_FAILED &&
               r.head.tag == 45 && r.failed.code == 0 && r.failed.sys == EINTR,
           "killed during its set-up", r.failed.detail);
    close(pipe_end);
}

static void cancel(uint64_t tag)
{
    struct keeper_ref m = {.head = {.type = KM_CANCEL, .size = sizeof(m), .tag = tag},
                           .id = "c-given-up"};

    client_send(probe.link, &m, sizeof(m), NULL, 0);
}

/* The engine has given it up: nobody but the keeper can end a child that hangs in its set-up. */
static void test_given_up_start(void)
{
    struct job j;
    struct reply r;
    int pipe_end;

    begin_hanging(&j, &pipe_end);
    end_container(&j, 0, shell("true"));
    client_spawn(probe.link, &j, "c-given-up", 46);
    cancel(45); /* another request's */
    check(!client_receive(probe.link, &r, 200), "the cancel of another start ends nothing");
    cancel(46);
    checkf(client_receive(probe.link, &r, 5000) && r.head.type == KM_SPAWN_FAILED &&
               r.head.tag == 46 && r.failed.code == 0 && r.failed.sys == EINTR,
           "a start that is given up is killed", r.failed.detail);
    cancel(46);
    check(run_shell("exit 6") == 6 << 8, "a cancel that comes late ends nothing");
    close(pipe_end);
}

static void test_cgroup(void)
{
    const char *const path = "/sys/fs/cgroup/unified/keeper-probe";
    struct job j;
    struct reply r;
    int status = -1;

    if (access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) ||
        (mkdir(path, 0755) && errno != EEXIST)) {
        check(true, "clone into a cgroup # SKIP no unified hierarchy");
        return;
    }
    begin_container(&j);
    j.cgroup_at = (int)job_fd(&j, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    end_container(&j, 0, shell("grep ^0: /proc/self/cgroup; exit 4"));
    run_job(&j, "c-cgroup", &r, &status);
    checkf(status == 4 << 8 && !strcmp(probe.output, "0::/keeper-probe\n"), "clone into a cgroup",
           probe.output);
    for (int i = 0; i < 100 && rmdir(path) && errno == EBUSY; i++)
        usleep(10000);
}

/* A start that hangs (a write to a full pipe) stops nobody; its death is told. */
static void test_hanging_start(void)
{
    struct job j;
    struct reply r;
    int pipe_end, pid = 0;

    begin_hanging(&j, &pipe_end);
    end_container(&j, 0, shell("true"));
    client_spawn(probe.link, &j, "c-hang", 44);
    check(run_shell("exit 5") == 5 << 8, "others start while one hangs");
    reconnect();
    while (client_receive(probe.link, &r, 5000) && r.head.type != KM_ENTRIES_END) {
        if (r.head.type == KM_ENTRY && !strcmp(r.entry.id, "c-hang") &&
            r.entry.state == KEEPER_STARTING)
            pid = r.entry.pid;
        reply_close(&r);
    }
    check(pid > 0, "a new engine is told of a start under way");
    if (pid > 0)
        kill(pid, SIGKILL);
    check(client_await(probe.link, KM_EXITED, &r) && r.entry.has_failed && r.entry.pid == pid,
          "and of its failure");
    client_ref(probe.link, KM_ACK, "c-hang", pid, 0, NULL, 0);
    close(pipe_end);
}

static void test_reconnect(void)
{
    struct job j;
    struct reply r;
    int pids[2], gate[2], seen_running = 0, seen_exited = 0, n_exited = 0;

    if (pipe2(gate, O_CLOEXEC))
        die("pipe");
    for (int i = 0; i < 2; i++) {
        begin_container(&j);
        job_op(&j, P_DUP, 0, (int)job_fd(&j, dup(gate[0])), 0, 0, 0, NULL, 0);
        end_container(&j, 0, shell(i ? "sleep 100" : "cat; exit 17"));
        close(j.out);
        client_spawn(probe.link, &j, i ? "c-stays" : "c-ends", 50);
        if (!client_await(probe.link, KM_SPAWNED, &r))
            die("spawn");
        pids[i] = r.entry.pid;
        reply_close(&r);
    }
    close(probe.link);
    close(gate[0]);
    close(gate[1]);
    await_gone(pids[0]); /* the keeper reaps it while nobody is connected */
    probe.link = client_connect(probe.exec_root);
    client_hello(probe.link);
    check(client_receive(probe.link, &r, 5000) && r.head.type == KM_WELCOME &&
              r.welcome.n_entries == 2 && r.welcome.pid == (uint32_t)probe.pid,
          "welcome says who and how many");
    while (client_receive(probe.link, &r, 5000) && r.head.type != KM_ENTRIES_END) {
        bool has_all = r.entry.n_holds == 1 && r.n_fds == 2 && r.entry.roles[0] == ROLE_STDOUT;

        seen_running += r.entry.pid == pids[1] && r.entry.state == KEEPER_RUNNING && has_all;
        seen_exited += r.entry.pid == pids[0] && r.entry.state == KEEPER_EXITED && has_all &&
                       r.entry.status == 17 << 8 &&
                       r.entry.exited_wall_ns > r.entry.started_wall_ns;
        reply_close(&r);
    }
    check(seen_running == 1 && seen_exited == 1, "a new engine gets both with their descriptors");
    while (n_exited < 2 && client_receive(probe.link, &r, 300))
        n_exited += r.head.type == KM_EXITED && r.entry.status == 17 << 8;
    check(n_exited == 1, "and the exit once more");
    client_ref(probe.link, KM_ACK, "c-ends", pids[0], 0, NULL, 0);
    reconnect();
    client_await(probe.link, KM_WELCOME, &r);
    check(r.welcome.n_entries == 1, "an acknowledged one is gone");
    kill(pids[1], SIGTERM); /* a sleep as pid 1's child dies with pid 1 only */
    kill(pids[1], SIGKILL);
    client_await(probe.link, KM_EXITED, &r);
    client_ref(probe.link, KM_ACK, "c-stays", pids[1], 0, NULL, 0);
}

static void test_holds(void)
{
    struct job j;
    struct reply r;
    int in[2], fds[2] = {dup(0), dup(0)}, pid;

    if (pipe2(in, O_CLOEXEC))
        die("pipe");
    begin_container(&j);
    job_op(&j, P_DUP, 0, (int)job_fd(&j, in[0]), 0, 0, 0, NULL, 0);
    end_container(&j, 0, shell("cat; exit 9"));
    job_hold(&j, in[1], ROLE_STDIN);
    close(j.out);
    client_spawn(probe.link, &j, "c-in", 51);
    if (!client_await(probe.link, KM_SPAWNED, &r))
        die("spawn");
    pid = r.entry.pid;
    reply_close(&r);
    check(!client_receive(probe.link, &r, 100), "stdin stays open while the keeper holds it");
    client_ref(probe.link, KM_CLOSE, "c-in", pid, ROLE_STDIN, NULL, 0);
    check(client_await(probe.link, KM_CLOSED, &r) && r.head.tag == 7, "KM_CLOSE is answered");
    check(client_await(probe.link, KM_EXITED, &r) && r.entry.status == 9 << 8 &&
              r.entry.n_holds == 1,
          "and the process reads end of file");
    client_ref(probe.link, KM_ACK, "c-in", pid, 0, NULL, 0);
    client_ref(probe.link, KM_CLOSE, "nobody", 5, ROLE_STDIN, NULL, 0);
    check(client_await(probe.link, KM_CLOSED, &r), "also for somebody unknown");
    client_ref(probe.link, KM_HOLD, "port:80", 0, ROLE_SOCKET, fds, 2);
    check(client_await(probe.link, KM_HELD, &r), "sockets are held");
    reconnect();
    check(client_await(probe.link, KM_ENTRY, &r) && r.entry.state == KEEPER_HOLDING &&
              r.n_fds == 2 && !strcmp(r.entry.id, "port:80"),
          "and given to the next engine");
    reply_close(&r);
    client_ref(probe.link, KM_UNHOLD, "port:80", 0, 0, NULL, 0);
    reconnect();
    client_await(probe.link, KM_WELCOME, &r);
    check(r.welcome.n_entries == 0, "until they are let go");
    close(fds[0]);
    close(fds[1]);
}

static int filter_memfd(unsigned forbidden, unsigned action)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, forbidden, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_faccessat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    int fd = memfd_create("filter", MFD_CLOEXEC);

    if (write(fd, f, sizeof(f)) != sizeof(f))
        die("filter");
    return fd;
}

static void test_seccomp(void)
{
    struct job j;
    struct reply r;
    int status = -1;
    static const char *const env[] = {"PATH=/bin", NULL};
    unsigned filter;

    begin_container(&j);
    job_op(&j, P_USER, 0, -1, 0, 0, 0, NULL, 0);
    job_op(&j, P_NO_NEW_PRIVS, 0, -1, 0, 0, 0, NULL, 0);
    filter = job_fd(&j, filter_memfd(SYS_mkdir, SECCOMP_RET_ERRNO | EXDEV));
    job_op(&j, P_SECCOMP, 0, (int)filter, 0, 0, 0, NULL, 0);
    job_strings(&j, P_ENV, env);
    job_strings(&j, P_EXEC, shell("mkdir /tmp/x"));
    run_job(&j, "c-seccomp", &r, &status);
    checkf(status == 1 << 8 && strstr(probe.output, "Invalid cross-device link"),
           "a filter after no_new_privs", probe.output);
    begin_container(&j);
    filter = job_fd(&j, filter_memfd(SYS_rmdir, SECCOMP_RET_ERRNO | EXDEV));
    job_op(&j, P_USER, 0, -1, 0, 0, 0, NULL, 0);
    job_op(&j, P_SECCOMP, 0, (int)filter, 0, 0, 0, NULL, 0);
    job_strings(&j, P_ENV, env);
    job_strings(&j, P_EXEC, shell("true"));
    expect_refusal(&j, "a filter without the right to it", P_SECCOMP, EACCES, 0, "");
    begin_container(&j);
    job_op(&j, P_USER, 0, -1, 0, 0, 0, NULL, 0);
    job_op(&j, P_NO_NEW_PRIVS, 0, -1, 0, 0, 0, NULL, 0);
    filter = job_fd(&j, filter_memfd(SYS_rmdir, SECCOMP_RET_ERRNO | EXDEV));
    job_op(&j, P_SECCOMP, 0, (int)filter, 0, 0, 0, NULL, 0);
    static const char *const argv[] = {"nope", NULL};
    job_strings(&j, P_EXEC, argv);
    expect_refusal(&j, "a missing executable behind a filter", P_EXEC, ENOENT,
                   PROGRAM_WHY_NOT_IN_PATH, "nope");
}

static void test_init(void)
{
    static const char *const env[] = {"PATH=/bin", NULL};
    struct job j;
    struct reply r;
    int status = -1;

    begin_container(&j);
    job_op(&j, P_USER, 0, -1, 0, 0, 0, NULL, 0);
    job_op(&j, P_INIT, 0, -1, 0, 0, 0, NULL, 0);
    job_strings(&j, P_ENV, env);
    job_strings(
        &j, P_EXEC,
        shell("n=3000; till() { until \"$@\" || [ $((n -= 1)) = 0 ]; do usleep 10000; done; }; "
              "reaped() { ! pidof sleep >/dev/null; }; till grep -q ^berth-init /proc/1/cmdline; "
              "tr '\\0' ' ' </proc/1/cmdline; echo; echo $$; (sleep 0.1 &) ; "
              "till reaped; "
              "grep -l 'State:.Z' /proc/[0-9]*/status; ls -l /proc/1/exe 2>&1 | grep -c "
              "denied; exit 6"));
    run_job(&j, "c-init", &r, &status);
    checkf(status == 6 << 8 && !strncmp(probe.output, "berth-init", 10) &&
               strstr(probe.output, "\n2\n") && !strstr(probe.output, "status"),
           "a small init reaps and gives the code back", probe.output);
    begin_container(&j);
    job_op(&j, P_USER, 0, -1, 0, 0, 0, NULL, 0);
    job_op(&j, P_INIT, 0, -1, 0, 0, 0, NULL, 0);
    job_strings(&j, P_ENV, env);
    job_strings(&j, P_EXEC, shell("echo ready; exec sleep 100"));
    int out = j.out, pid;
    char byte;
    client_spawn(probe.link, &j, "c-term", 52);
    if (!client_await(probe.link, KM_SPAWNED, &r) || read(out, &byte, 1) != 1)
        die("spawn");
    pid = r.entry.pid;
    kill(pid, SIGTERM);
    check(client_await(probe.link, KM_EXITED, &r) && r.entry.status == (128 + SIGTERM) << 8,
          "and forwards SIGTERM");
    client_ref(probe.link, KM_ACK, "c-term", pid, 0, NULL, 0);
    close(out);
    begin_container(&j);
    job_op(&j, P_USER, 0, -1, 0, 0, 0, NULL, 0);
    job_op(&j, P_INIT, 0, -1, 0, 0, 0, NULL, 0);
    static const char *const argv[] = {"/bin/nope", NULL};
    job_strings(&j, P_EXEC, argv);
    expect_refusal(&j, "a missing executable below an init", P_EXEC, ENOENT, PROGRAM_WHY_LOOKUP,
                   "/bin/nope");
}

/* An exec into the process behind pidfd. */
static void begin_exec(struct job *j, int pidfd)
{
    int ends[2];
    const struct program_caps caps = {0};

    job_init(j);
    j->flags = KS_EXEC;
    if (pipe2(ends, O_CLOEXEC))
        die("pipe");
    unsigned target = job_fd(j, dup(pidfd)), out = job_fd(j, ends[1]);
    j->out = ends[0];
    job_op(j, P_SETNS, 0, (int)target, NAMESPACES, 0, 0, NULL, 0);
    job_op(j, P_DUP, 0, (int)out, 1, 0, 0, NULL, 0);
    job_op(j, P_DUP, 0, (int)out, 2, 0, 0, NULL, 0);
    job_op(j, P_SETSID, 0, -1, 0, 0, 0, NULL, 0);
    job_text(j, P_CWD, 0, -1, "/etc");
    job_op(j, P_CAPS, 0, -1, 0, 0, 0, &caps, sizeof(caps));
    job_op(j, P_USER, 0, -1, 0, 0, 0, NULL, 0);
    job_op(j, P_NO_NEW_PRIVS, 0, -1, 0, 0, 0, NULL, 0);
    unsigned filter = job_fd(j, filter_memfd(SYS_mkdir, SECCOMP_RET_ERRNO | EXDEV));
    job_op(j, P_SECCOMP, 0, (int)filter, 0, 0, 0, NULL, 0);
    job_op(j, P_PAYLOAD, 0, -1, 0, 0, 0, NULL, 0);
    static const char *const env[] = {"PATH=/bin", NULL};
    job_strings(j, P_ENV, env);
}

/* A terminal for an exec: the session and its terminal are the payload's, not the helper's. */
static void test_exec_terminal(int pidfd)
{
    static const char *const env[] = {"PATH=/bin", NULL};
    struct job j;
    struct reply r;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), status = -1;
    char name[64];
    unsigned target, tty;

    if (grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof(name)))
        die("pty");
    job_init(&j);
    j.flags = KS_EXEC;
    target = job_fd(&j, dup(pidfd));
    tty = job_fd(&j, open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    job_op(&j, P_SETNS, 0, (int)target, NAMESPACES, 0, 0, NULL, 0);
    for (uint32_t i = 0; i < 3; i++)
        job_op(&j, P_DUP, 0, (int)tty, i, 0, 0, NULL, 0);
    job_op(&j, P_NO_NEW_PRIVS, 0, -1, 0, 0, 0, NULL, 0);
    unsigned filter = job_fd(&j, filter_memfd(SYS_mkdir, SECCOMP_RET_ERRNO | EXDEV));
    job_op(&j, P_SECCOMP, 0, (int)filter, 0, 0, 0, NULL, 0);
    job_op(&j, P_PAYLOAD, 0, -1, 0, 0, 0, NULL, 0);
    job_op(&j, P_SETSID, 0, -1, 0, 0, 0, NULL, 0);
    job_op(&j, P_CTTY, 0, (int)tty, 0, 0, 0, NULL, 0);
    job_strings(&j, P_ENV, env);
    job_strings(&j, P_EXEC, shell("cut -d' ' -f7 /proc/self/stat | grep -vx 0 && exit 12"));
    job_hold(&j, master, ROLE_PTY);
    run_job(&j, "c-host/tty", &r, &status);
    check(status == 12 << 8, "exec with a controlling terminal");
}

static void test_exec(void)
{
    struct job j;
    struct reply r;
    int status = -1, pid, pidfd, n_good = 0;
    static const char *const argv[] = {"/bin/nope", NULL};

    begin_container(&j);
    end_container(&j, 0, shell("sleep 100"));
    close(j.out);
    client_spawn(probe.link, &j, "c-host", 60);
    if (!client_await(probe.link, KM_SPAWNED, &r))
        die("spawn");
    pid = r.entry.pid;
    pidfd = r.fds[0];
    begin_exec(&j, pidfd);
    job_strings(&j, P_EXEC,
                shell("hostname; pwd; echo $PPID; grep CapEff /proc/self/status; exit 7"));
    run_job(&j, "c-host/e1", &r, &status);
    checkf(status == 7 << 8 && !strcmp(probe.output, "probe\n/etc\n0\nCapEff:\t0000000000000000\n"),
           "exec: inside, with a code of its own", probe.output);
    begin_exec(&j, pidfd);
    job_strings(&j, P_EXEC, argv);
    expect_refusal(&j, "exec of a missing executable", P_EXEC, ENOENT, PROGRAM_WHY_LOOKUP,
                   "/bin/nope");
    for (int i = 0; i < 200; i++) {
        begin_exec(&j, pidfd);
        job_strings(&j, P_EXEC, shell("exit 3"));
        n_good += run_job(&j, "c-host/e2", &r, &status) && status == 3 << 8;
    }
    test_exec_terminal(pidfd);
    check(n_good == 200, "200 short execs, every code right");
    kill(pid, SIGKILL);
    client_await(probe.link, KM_EXITED, &r);
    client_ref(probe.link, KM_ACK, "c-host", pid, 0, NULL, 0);
    begin_exec(&j, pidfd);
    job_strings(&j, P_EXEC, shell("exit 3"));
    expect_refusal(&j, "exec into a dead one", P_SETNS, ESRCH, 0, "");
    close(pidfd);
}

static unsigned count_dir(const char *format, int pid)
{
    char path[64];
    unsigned n = 0;
    DIR *d;

    snprintf(path, sizeof(path), format, pid);
    d = opendir(path);
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static unsigned count_children(int pid)
{
    char path[64], text[65536];
    unsigned n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    f = fopen(path, "r");
    if (f && fgets(text, sizeof(text), f))
        for (char *at = text; (at = strchr(at, ' ')); at++)
            n++;
    if (f)
        fclose(f);
    return n;
}

/* What was sent before has been acted on. */
static unsigned count_keeper_fds(void)
{
    struct reply r;

    client_hello(probe.link);
    client_await(probe.link, KM_ENTRIES_END, &r);
    return count_dir("/proc/%d/fd", probe.pid);
}

static void test_thousand(void)
{
    unsigned before = count_keeper_fds(), after;
    int n_good = 0;
    struct job j;
    struct reply r;
    char text[80];

    for (int i = 0; i < 1000; i++) {
        int status = -1;

        begin_container(&j);
        end_container(&j, 0, shell(i % 2 ? "exit 3" : "exit 4"));
        n_good += run_job(&j, "c-many", &r, &status) && status == (i % 2 ? 3 : 4) << 8;
    }
    check(n_good == 1000, "1,000 starts, every code right");
    after = count_keeper_fds();
    snprintf(text, sizeof(text), "%u before, %u after", before, after);
    checkf(before == after, "no descriptor more than before", text);
    check(count_children(probe.pid) == 0, "no zombie");
}

/* Requests sent without reading a single answer; then every answer is there, none twice. */
static void test_burst(void)
{
    enum { BURST = 200 };
    struct job j;
    struct reply r;
    char id[32], text[80];
    int n_spawned = 0, n_exited = 0;

    for (int i = 0; i < BURST; i++) {
        begin_container(&j);
        end_container(&j, 0, shell("exit 21"));
        close(j.out);
        snprintf(id, sizeof(id), "c-burst-%d", i);
        client_spawn(probe.link, &j, id, 1000u + (unsigned)i);
    }
    while (n_exited < BURST && client_receive(probe.link, &r, 10000)) {
        n_spawned += r.head.type == KM_SPAWNED;
        if (r.head.type == KM_EXITED && r.entry.status == 21 << 8) {
            n_exited++;
            client_ref(probe.link, KM_ACK, r.entry.id, r.entry.pid, 0, NULL, 0);
        }
        reply_close(&r);
    }
    snprintf(text, sizeof(text), "%d spawned, %d exited", n_spawned, n_exited);
    checkf(n_spawned == BURST && n_exited == BURST, "200 starts at once", text);
    client_hello(probe.link);
    client_await(probe.link, KM_WELCOME, &r);
    check(r.welcome.n_entries == 0, "and nothing is left of them");
    client_await(probe.link, KM_ENTRIES_END, &r);
}

/* Many fds: the child cannot share the table, so it is copied. */
static void test_many_fds(void)
{
    struct job j;
    struct reply r;
    int status = -1;

    begin_container(&j);
    while (j.n_fds < 180)
        job_fd(&j, dup(0));
    end_container(&j, 0, shell("ls /proc/self/fd | wc -l; exit 8"));
    run_job(&j, "c-fds", &r, &status);
    checkf(status == 8 << 8 && !strcmp(probe.output, "4\n"), "180 descriptors", probe.output);
}

static void send_malformed(int fd, const char *what, const void *p, size_t n, unsigned n_fds)
{
    struct reply r;
    int fds[20];

    for (unsigned i = 0; i < n_fds; i++)
        fds[i] = probe.pid ? 1 : 0;
    client_hello(fd);
    client_await(fd, KM_ENTRIES_END, &r);
    client_send(fd, p, n, fds, n_fds);
    check(!client_receive(fd, &r, 2000) && !r.head.type, what);
    close(fd);
}

static void test_malformed(void)
{
    struct keeper_spawn s = {.head = {.type = KM_SPAWN, .size = sizeof(s)}, .cgroup_fd = -1};
    struct keeper_ref ref = {.head = {.type = KM_ACK, .size = sizeof(ref)}};
    struct keeper_head head = {.type = 999, .size = sizeof(head)};
    unsigned before = count_keeper_fds();
    char big[2000] = "";

    close(probe.link);
    send_malformed(client_connect(probe.exec_root), "unknown type", &head, sizeof(head), 3);
    head.type = KM_SPAWN;
    send_malformed(client_connect(probe.exec_root), "too short", &head, sizeof(head), 0);
    send_malformed(client_connect(probe.exec_root), "one byte", &head, 1, 1);
    send_malformed(client_connect(probe.exec_root), "too long", big, sizeof(big), 2);
    send_malformed(client_connect(probe.exec_root), "no id", &s, sizeof(s), 1);
    s.id[0] = 'x';
    send_malformed(client_connect(probe.exec_root), "more descriptors than said", &s, sizeof(s), 9);
    s.n_fds = 100000;
    send_malformed(client_connect(probe.exec_root), "absurd count", &s, sizeof(s), 1);
    s.n_fds = 0;
    s.n_holds = 9;
    send_malformed(client_connect(probe.exec_root), "too many holds", &s, sizeof(s), 10);
    s.n_holds = 0;
    s.clone_flags = CLONE_VM;
    send_malformed(client_connect(probe.exec_root), "forbidden clone flags", &s, sizeof(s), 1);
    memset(ref.id, 'a', sizeof(ref.id));
    send_malformed(client_connect(probe.exec_root), "unterminated id", &ref, sizeof(ref), 0);
    probe.link = client_connect(probe.exec_root);
    struct reply r;
    client_send(probe.link, &s, sizeof(s), NULL, 0);
    check(!client_receive(probe.link, &r, 2000), "no hello");
    close(probe.link);
    probe.link = client_connect(probe.exec_root);
    check(count_keeper_fds() == before, "and every descriptor was closed");
}

static void test_bad_program(void)
{
    struct job j;

    begin_container(&j);
    end_container(&j, 0, shell("true"));
    ((struct program_op *)(j.program + sizeof(struct program_header)))->size = 12;
    expect_refusal(&j, "a broken program is refused whole", 0, EINVAL, 0, "record is cut short");
}

static void test_one_engine(void)
{
    struct reply r;
    int second = client_connect(probe.exec_root);

    check(second >= 0 && !client_receive(second, &r, 2000), "a second engine is turned away");
    close(second);
    int status = 0;
    pid_t rival = keeper_start(probe.keeper, probe.exec_root);
    waitpid(rival, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 1, "a second keeper ends at once");
    check(run_shell("exit 2") == 2 << 8, "and the first does not mind");
}

/* False: it had to be killed. */
static bool await_keeper_end(void)
{
    int status = -1;

    for (int i = 0; i < 2000; i++) {
        if (waitpid(probe.pid, &status, WNOHANG) == probe.pid)
            return status == 0;
        usleep(10000);
    }
    kill(probe.pid, SIGKILL);
    waitpid(probe.pid, &status, 0);
    return false;
}

static void test_end(void)
{
    struct reply r;
    struct job j;
    struct stat st;
    char path[200];
    int status = -1, pid;

    begin_container(&j);
    end_container(&j, 0, shell("sleep 100"));
    close(j.out);
    client_spawn(probe.link, &j, "c-last", 70);
    if (!client_await(probe.link, KM_SPAWNED, &r))
        die("spawn");
    pid = r.entry.pid;
    reply_close(&r);
    kill(probe.pid, SIGTERM);
    kill(probe.pid, SIGHUP);
    close(probe.link);
    usleep(2300000);
    check(!waitpid(probe.pid, &status, WNOHANG), "SIGTERM does not end a keeper with containers");
    probe.link = client_hello(client_connect(probe.exec_root));
    kill(pid, SIGKILL);
    client_await(probe.link, KM_EXITED, &r);
    client_ref(probe.link, KM_ACK, "c-last", pid, 0, NULL, 0);
    close(probe.link);
    check(await_keeper_end(), "without containers and engine it ends by itself");
    snprintf(path, sizeof(path), "%s/" KEEPER_SOCKET, probe.exec_root);
    check(stat(path, &st) && errno == ENOENT, "and leaves no socket");
}

/* Measuring */

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void print_memory(const char *when)
{
    char path[64], line[200];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", probe.pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        if (!strncmp(line, "Pss:", 4))
            printf("# PSS %s: %s", when, line + 4);
    if (f)
        fclose(f);
}

static void measure_starts(const char *what)
{
    enum { RUNS = 300 };
    static double spawned[RUNS];
    static const char *const argv[] = {"true", NULL};
    struct job j;
    struct reply r;

    for (int i = 0; i < RUNS; i++) {
        double begin;

        begin_container(&j);
        end_container(&j, 0, argv);
        close(j.out);
        begin = now_ms();
        client_spawn(probe.link, &j, "c-bench", 80);
        if (!client_await(probe.link, KM_SPAWNED, &r))
            die("spawn");
        spawned[i] = now_ms() - begin;
        reply_close(&r);
        client_await(probe.link, KM_EXITED, &r);
        client_ref(probe.link, KM_ACK, "c-bench", r.entry.pid, 0, NULL, 0);
    }
    qsort(spawned, RUNS, sizeof(spawned[0]), compare);
    printf("# %s: send to SPAWNED p50 %.3f ms, p95 %.3f ms\n", what, spawned[RUNS / 2],
           spawned[RUNS * 95 / 100]);
}

static void hold_many(int n)
{
    int fds[KEEPER_HOLDS_MAX];
    struct reply r;
    char id[32];

    for (int i = 0; i < KEEPER_HOLDS_MAX; i++)
        fds[i] = dup(0);
    for (int i = 0; i < n / KEEPER_HOLDS_MAX; i++) {
        snprintf(id, sizeof(id), "hold-%d", i);
        client_ref(probe.link, KM_HOLD, id, 0, ROLE_SOCKET, fds, KEEPER_HOLDS_MAX);
        client_await(probe.link, KM_HELD, &r);
    }
}

static void drop_many(int n)
{
    char id[32];

    for (int i = 0; i < n / KEEPER_HOLDS_MAX; i++) {
        snprintf(id, sizeof(id), "hold-%d", i);
        client_ref(probe.link, KM_UNHOLD, id, 0, 0, NULL, 0);
    }
}

static int make_netns(void)
{
    int fd, self = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

    if (unshare(CLONE_NEWNET))
        die("unshare");
    fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (setns(self, CLONE_NEWNET))
        die("setns");
    close(self);
    return fd;
}

static void bench(void)
{
    print_memory("at start");
    measure_starts("empty keeper, new netns each");
    probe.netns = make_netns();
    measure_starts("empty keeper, netns joined");
    print_memory("after 300 starts");
    hold_many(5000);
    measure_starts("5,000 held descriptors");
    hold_many(18000);
    measure_starts("18,000 held descriptors");
    print_memory("with 2,250 entries, 18,000 descriptors");
    drop_many(18000);
}

int main(int argc, char **argv)
{
    struct reply r;

    if (argc < 3) {
        fprintf(stderr, "usage: keeper_probe KEEPER BUSYBOX [bench]\n");
        return 2;
    }
    probe.keeper = argv[1];
    probe.netns = -1;
    make_rootfs(argv[2]);
    probe.pid = keeper_start(argv[1], probe.exec_root);
    probe.link = client_connect(probe.exec_root);
    if (probe.link < 0)
        die("connect");
    client_hello(probe.link);
    check(client_receive(probe.link, &r, 5000) && r.head.type == KM_WELCOME &&
              client_receive(probe.link, &r, 5000) && r.head.type == KM_ENTRIES_END,
          "hello is answered");
    if (argc > 3) {
        bench();
    } else {
        test_output();
        test_masks();
        test_privileges();
        test_refusals();
        test_targets();
        test_codes();
        test_hanging_start();
        test_killed_start();
        test_given_up_start();
        test_cgroup();
        test_reconnect();
        test_holds();
        test_seccomp();
        test_init();
        test_exec();
        test_thousand();
        test_burst();
        test_many_fds();
        test_malformed();
        test_bad_program();
        test_one_engine();
        test_end();
    }
    if (argc > 3) {
        close(probe.link);
        check(await_keeper_end(), "the keeper ends by itself");
    }
    remove_tree(probe.dir);
    printf("1..%u\n", probe.n);
    return probe.n_failed != 0;
}
