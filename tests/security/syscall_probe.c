/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in a container of the default configuration and tries what history says must not
 * work: one line `ok NAME` or `bad NAME: what happened` per attempt, and the number of bad
 * ones as the exit code. Trap: a call may fail for a reason of its own, so each names the
 * errno it wants; EPERM is the filter's, the arguments are chosen to fail otherwise later.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int n_bad;

static void want(const char *name, long rc, int wanted)
{
    int sys = errno;

    if (rc < 0 && sys == wanted) {
        printf("ok %s\n", name);
        return;
    }
    n_bad++;
    if (rc < 0)
        printf("bad %s: %s instead of %s\n", name, strerror(sys), strerror(wanted));
    else
        printf("bad %s: it worked\n", name);
}

static void namespaces(void)
{
    static const struct {
        const char *name;
        int flag;
    } spaces[] = {{"user", CLONE_NEWUSER},    {"mnt", CLONE_NEWNS},  {"net", CLONE_NEWNET},
                  {"pid", CLONE_NEWPID},      {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS},
                  {"cgroup", CLONE_NEWCGROUP}};
    char name[64];

    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        snprintf(name, sizeof(name), "unshare %s", spaces[i].name);
        want(name, syscall(SYS_unshare, spaces[i].flag), EPERM);
        snprintf(name, sizeof(name), "clone %s", spaces[i].name);
        /* CLONE_SIGHAND without CLONE_VM is EINVAL where the filter lets it through. */
        want(name, syscall(SYS_clone, spaces[i].flag | CLONE_SIGHAND, 0, 0, 0, 0), EPERM);
    }
    want("clone parent", syscall(SYS_clone, CLONE_PARENT | CLONE_SIGHAND, 0, 0, 0, 0), EPERM);
    want("setns", syscall(SYS_setns, -1, 0), EPERM);
    want("clone3", syscall(SYS_clone3, NULL, 0), ENOSYS);
}

static void mounts(void)
{
    want("mount", mount("none", "/tmp", "tmpfs", 0, NULL), EPERM);
    want("remount /proc/sys", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL), EPERM);
    want("umount2", umount2("/proc", MNT_DETACH), EPERM);
    want("pivot_root", syscall(SYS_pivot_root, ".", "."), EPERM);
    want("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1), EPERM);
    want("move_mount", syscall(SYS_move_mount, -1, "", -1, "", 4), EPERM);
    want("fsopen", syscall(SYS_fsopen, "tmpfs", 0), EPERM);
    want("fsconfig", syscall(SYS_fsconfig, -1, 0, 0, 0, 0), EPERM);
    want("fsmount", syscall(SYS_fsmount, -1, 0, 0), EPERM);
    want("fspick", syscall(SYS_fspick, -1, "", 0), EPERM);
    want("mount_setattr", syscall(SYS_mount_setattr, -1, "", 0, NULL, 0), EPERM);
}

static void kernel_calls(void)
{
    want("keyctl", syscall(SYS_keyctl, 0, 0, 0, 0, 0), EPERM);
    want("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3), EPERM);
    want("request_key", syscall(SYS_request_key, "user", "x", NULL, -3), EPERM);
    want("bpf", syscall(SYS_bpf, 0, NULL, 0), EPERM);
    want("perf_event_open", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0), EPERM);
    want("userfaultfd", syscall(SYS_userfaultfd, 0), EPERM);
    want("io_uring_setup", syscall(SYS_io_uring_setup, 1, NULL), EPERM);
    want("io_uring_enter", syscall(SYS_io_uring_enter, -1, 0, 0, 0, 0, 0), EPERM);
    want("io_uring_register", syscall(SYS_io_uring_register, -1, 0, 0, 0), EPERM);
    want("init_module", syscall(SYS_init_module, NULL, 0, ""), EPERM);
    want("finit_module", syscall(SYS_finit_module, -1, "", 0), EPERM);
    want("delete_module", syscall(SYS_delete_module, "x", 0), EPERM);
    want("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0), EPERM);
    want("reboot", syscall(SYS_reboot, 0, 0, 0, 0), EPERM);
    want("swapon", syscall(SYS_swapon, "/none", 0), EPERM);
    want("acct", syscall(SYS_acct, "/none"), EPERM);
    want("settimeofday", syscall(SYS_settimeofday, NULL, NULL), EPERM);
    want("clock_settime", syscall(SYS_clock_settime, 0, NULL), EPERM);
    want("syslog", syscall(SYS_syslog, 10, NULL, 0), EPERM);
    want("open_by_handle_at", syscall(SYS_open_by_handle_at, -1, NULL, 0), EPERM);
    want("personality", syscall(SYS_personality, 0x0040000), EPERM);
    want("quotactl", syscall(SYS_quotactl, 0, NULL, 0, NULL), EPERM);
    want("nfsservctl", syscall(SYS_nfsservctl, 0, NULL, NULL), EPERM);
    want("lookup_dcookie", syscall(SYS_lookup_dcookie, 0, NULL, 0), EPERM);
    want("vhangup", syscall(SYS_vhangup), EPERM);
#ifdef SYS_iopl
    want("iopl", syscall(SYS_iopl, 3), EPERM);
    want("ioperm", syscall(SYS_ioperm, 0x70, 1, 1), EPERM);
#endif
    want("sethostname", syscall(SYS_sethostname, "x", 1), EPERM);
    want("a call of tomorrow", syscall(1000), ENOSYS);
}

static void sockets(void)
{
    want("AF_VSOCK", socket(40, SOCK_STREAM, 0), EPERM);
    want("AF_ALG", socket(38, SOCK_SEQPACKET, 0), EPERM);
}

/* mknod works (CAP_MKNOD), opening what the device cgroup does not know must not. */
static void device(const char *name, mode_t type, unsigned major_, unsigned minor_)
{
    char text[80];
    int fd;

    unlink("/tmp/device");
    snprintf(text, sizeof(text), "device %s", name);
    if (mknod("/tmp/device", type | 0666, makedev(major_, minor_)) < 0) {
        want(text, -1, EPERM); /* the v1 cgroup refuses mknod too when m is missing */
        return;
    }
    fd = open("/tmp/device", O_RDONLY | O_NONBLOCK);
    want(text, fd, EPERM);
    if (fd >= 0)
        close(fd);
    unlink("/tmp/device");
}

static void proc_file(const char *path, int flags, int wanted)
{
    char text[128];
    int fd = open(path, flags, 0600);

    if (fd < 0 && errno == ENOENT) {
        printf("ok %s is absent\n", path);
        return;
    }
    snprintf(text, sizeof(text), "open %s", path);
    want(text, fd, wanted);
    if (fd >= 0)
        close(fd);
}

static void empty_file(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    ssize_t n = fd < 0 ? 0 : read(fd, &byte, 1);

    if (n != 0) {
        n_bad++;
        printf("bad %s can be read\n", path);
    } else {
        printf("ok %s is empty\n", path);
    }
    if (fd >= 0)
        close(fd);
}

static void kernel_files(void)
{
    static const char *const masked[] = {
        "/proc/kcore",         "/proc/keys",       "/proc/timer_list", "/proc/sched_debug",
        "/proc/latency_stats", "/proc/interrupts", "/proc/timer_stats"};

    for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++)
        empty_file(masked[i]);
    proc_file("/proc/sysrq-trigger", O_WRONLY, EROFS);
    proc_file("/proc/sys/kernel/core_pattern", O_WRONLY, EROFS);
    proc_file("/proc/sys/kernel/hostname", O_WRONLY, EROFS);
    proc_file("/proc/sys/kernel/modprobe", O_WRONLY, EROFS);
    proc_file("/proc/sys/vm/panic_on_oom", O_WRONLY, EROFS);
    proc_file("/proc/irq/default_smp_affinity", O_WRONLY, EROFS);
    proc_file("/proc/bus/x", O_WRONLY | O_CREAT, EROFS);
    proc_file("/proc/fs/x", O_WRONLY | O_CREAT, EROFS);
    proc_file("/sys/kernel/uevent_helper", O_WRONLY, EROFS);
    proc_file("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY, EROFS);
    proc_file("/sys/power/state", O_WRONLY, EROFS);
    proc_file("/sys/fs/cgroup/memory/release_agent", O_WRONLY, EROFS);
    proc_file("/sys/fs/cgroup/devices/devices.allow", O_WRONLY, EROFS);
    proc_file("/sys/fs/cgroup/cgroup.procs", O_WRONLY, EROFS);
    proc_file("/dev/mem", O_RDONLY, EPERM);
    proc_file("/dev/kmsg", O_RDONLY, EPERM);
    proc_file("/dev/port", O_RDONLY, EPERM);
}

static void capabilities(void)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");

    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = 0;
        if ((!strncmp(line, "CapInh:", 7) || !strncmp(line, "CapAmb:", 7)) &&
            strcmp(line + 8, "0000000000000000")) {
            n_bad++;
            printf("bad %s\n", line);
        }
        if (!strncmp(line, "Seccomp:\t", 9) && line[9] != '2') {
            n_bad++;
            printf("bad %s\n", line);
        }
    }
    if (f)
        fclose(f);
    printf("ok inheritable and ambient capabilities\n");
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    namespaces();
    mounts();
    kernel_calls();
    sockets();
    kernel_files();
    capabilities();
    device("mem", S_IFCHR, 1, 1);
    device("kmsg", S_IFCHR, 1, 11);
    device("the root disk", S_IFBLK, 254, 0);
    device("loop0", S_IFBLK, 7, 0);
    device("kvm", S_IFCHR, 10, 232);
    device("fuse", S_IFCHR, 10, 229);
    device("tun", S_IFCHR, 10, 200);
    return n_bad > 200 ? 200 : n_bad;
}
