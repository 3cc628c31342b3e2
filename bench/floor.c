/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: what the kernel itself asks for one container of our default kind, by
 * bare system calls in one process, serially: overlay, network namespace with a veth on a
 * bridge, cgroups, new namespaces, /dev, /proc, /sys, masked paths, pivot, capabilities,
 * seccomp, exec of echo, its output into a file, everything removed. No engine can do
 * the same isolation for less; berth is measured against it.
 *
 *   floor LAYER_DIR WORK_DIR BRIDGE COUNT        (root, in the bridge's network namespace)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_link.h>

#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const hierarchies[] = {"cpu",     "cpuacct", "cpuset", "memory", "devices",
                                          "freezer", "blkio",   "pids",   "systemd"};
#define N_HIERARCHIES (sizeof(hierarchies) / sizeof(*hierarchies))

static int filter_fd; /* a compiled filter of a size like Docker's default */

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static int check(int result, const char *what)
{
    if (result < 0)
        die(what);
    return result;
}

/* ---- netlink: one request, one answer ---- */

struct request {
    struct nlmsghdr head;
    char data[1024];
};

static void add_bytes(struct request *r, const void *p, size_t n)
{
    memcpy((char *)r + NLMSG_ALIGN(r->head.nlmsg_len), p, n);
    r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + (unsigned)n;
}

static struct rtattr *add_attr(struct request *r, unsigned short type, const void *p, size_t n)
{
    struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

    a->rta_type = type;
    a->rta_len = (unsigned short)RTA_LENGTH(n);
    if (n)
        memcpy(RTA_DATA(a), p, n);
    r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
    return a;
}

static void end_attr(struct request *r, struct rtattr *a)
{
    a->rta_len = (unsigned short)((char *)r + r->head.nlmsg_len - (char *)a);
}

static struct request begin_request(unsigned short type, unsigned short flags)
{
    return (struct request){
        .head = {.nlmsg_len = NLMSG_HDRLEN,
                 .nlmsg_type = type,
                 .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags)}};
}

static void talk(int sock, struct request *r, const char *what)
{
    char answer[4096];
    struct nlmsghdr *h = (struct nlmsghdr *)answer;

    check((int)send(sock, r, r->head.nlmsg_len, 0), what);
    check((int)recv(sock, answer, sizeof(answer), 0), what);
    if (h->nlmsg_type == NLMSG_ERROR && ((struct nlmsgerr *)NLMSG_DATA(h))->error != 0) {
        errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
        die(what);
    }
}

static int netlink_socket(void)
{
    return check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "netlink");
}

static void make_veth(int sock, const char *name, unsigned bridge, int netns)
{
    struct request r = begin_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    struct ifinfomsg info = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}, peer = {0};
    struct rtattr *link, *data, *inner;

    add_bytes(&r, &info, sizeof(info));
    add_attr(&r, IFLA_IFNAME, name, strlen(name) + 1);
    add_attr(&r, IFLA_MASTER, &bridge, sizeof(bridge));
    link = add_attr(&r, IFLA_LINKINFO, NULL, 0);
    add_attr(&r, IFLA_INFO_KIND, "veth", 5);
    data = add_attr(&r, IFLA_INFO_DATA, NULL, 0);
    inner = add_attr(&r, VETH_INFO_PEER, NULL, 0);
    add_bytes(&r, &peer, sizeof(peer));
    add_attr(&r, IFLA_IFNAME, "eth0", 5);
    add_attr(&r, IFLA_NET_NS_FD, &netns, sizeof(netns));
    end_attr(&r, inner);
    end_attr(&r, data);
    end_attr(&r, link);
    talk(sock, &r, "make veth");
}

static void link_up(int sock, unsigned index)
{
    struct request r = begin_request(RTM_NEWLINK, 0);
    struct ifinfomsg info = {.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

    add_bytes(&r, &info, sizeof(info));
    talk(sock, &r, "link up");
}

static void configure(int sock, unsigned index, unsigned char last)
{
    struct request r = begin_request(RTM_NEWADDR, NLM_F_CREATE);
    struct ifaddrmsg addr = {.ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = index};
    struct rtmsg route = {.rtm_family = AF_INET,
                          .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = RTPROT_BOOT,
                          .rtm_scope = RT_SCOPE_UNIVERSE,
                          .rtm_type = RTN_UNICAST};
    unsigned char ip[4] = {10, 99, 1, last}, gateway[4] = {10, 99, 0, 1};

    add_bytes(&r, &addr, sizeof(addr));
    add_attr(&r, IFA_LOCAL, ip, 4);
    talk(sock, &r, "address");
    link_up(sock, index);
    r = begin_request(RTM_NEWROUTE, NLM_F_CREATE);
    add_bytes(&r, &route, sizeof(route));
    add_attr(&r, RTA_GATEWAY, gateway, 4);
    talk(sock, &r, "route");
}

/* A fresh namespace with its veth on the bridge; this process comes back to its own. */
static int make_network(int sock, unsigned bridge, int own, int number)
{
    char name[16];
    int netns, inner;

    check(unshare(CLONE_NEWNET), "unshare net");
    netns = check(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "netns");
    inner = netlink_socket();
    check(setns(own, CLONE_NEWNET), "setns back");
    snprintf(name, sizeof(name), "f%x.%x", (unsigned)getpid(),
             (unsigned)number); /* old ones die slowly */
    make_veth(sock, name, bridge, netns);
    link_up(inner, 1);
    configure(inner, 2, (unsigned char)(2 + number % 250));
    close(inner);
    return netns;
}

/* ---- file systems ---- */

static int new_mount(const char *type, const char *const *options, unsigned attrs)
{
    int fs = check((int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), type), mnt;

    for (; options && *options; options += 2)
        check((int)syscall(SYS_fsconfig, fs, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
                           options[0], options[1], 0),
              options[0]);
    check((int)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), type);
    mnt = check((int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attrs), type);
    close(fs);
    return mnt;
}

static void attach(int mnt, int dir, const char *target)
{
    check((int)syscall(SYS_move_mount, mnt, "", dir, target, MOVE_MOUNT_F_EMPTY_PATH), target);
    close(mnt);
}

static void make_dev(int root)
{
    static const struct {
        const char *name;
        int major, minor;
    } nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                 {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
    static const char *const dev_options[] = {"mode", "755", "size", "65536k", NULL};
    static const char *const pts_options[] = {"newinstance", NULL,  "ptmxmode", "0666", "mode",
                                              "0620",        "gid", "5",        NULL};
    static const char *const shm_options[] = {"mode", "1777", "size", "65536k", NULL};
    int dev = new_mount("tmpfs", dev_options, MOUNT_ATTR_NOSUID);

    for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
        check(mknodat(dev, nodes[i].name, S_IFCHR | 0666,
                      makedev((unsigned)nodes[i].major, (unsigned)nodes[i].minor)),
              nodes[i].name);
    check(symlinkat("/proc/self/fd", dev, "fd"), "fd");
    check(symlinkat("pts/ptmx", dev, "ptmx"), "ptmx");
    mkdirat(dev, "pts", 0755);
    mkdirat(dev, "shm", 0755);
    mkdirat(dev, "mqueue", 0755);
    check((int)syscall(SYS_move_mount, dev, "", root, "dev", MOVE_MOUNT_F_EMPTY_PATH), "dev");
    attach(new_mount("devpts", pts_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), root,
           "dev/pts");
    attach(
        new_mount("tmpfs", shm_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
        root, "dev/shm");
    attach(new_mount("mqueue", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
           root, "dev/mqueue");
    close(dev);
}

static void mask(int root)
{
    static const char *const files[] = {"proc/kcore", "proc/keys", "proc/timer_list",
                                        "proc/interrupts"};
    static const char *const dirs[] = {"proc/scsi", "proc/acpi", "sys/firmware"};
    static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                            "proc/sysrq-trigger"};
    struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
    int fd;

    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        if (faccessat(root, files[i], F_OK, 0) == 0)
            attach(check((int)syscall(SYS_open_tree, root, "dev/null", OPEN_TREE_CLONE | O_CLOEXEC),
                         "null"),
                   root, files[i]);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
        if (faccessat(root, dirs[i], F_OK, 0) == 0)
            attach(new_mount("tmpfs", NULL, MOUNT_ATTR_RDONLY), root, dirs[i]);
    for (size_t i = 0; i < sizeof(read_only) / sizeof(*read_only); i++) {
        fd = (int)syscall(SYS_open_tree, root, read_only[i], OPEN_TREE_CLONE | O_CLOEXEC);
        if (fd < 0)
            continue;
        check((int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &ro, sizeof(ro)), "setattr");
        attach(fd, root, read_only[i]);
    }
}

/* ---- the child ---- */

static void drop_capabilities(void)
{
    const uint64_t keep = 0xa80425fb;
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)keep, .permitted = (uint32_t)keep}, {0}};

    for (int c = 0; c <= 40; c++)
        if (!(keep >> c & 1))
            prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
    check((int)syscall(SYS_capset, &head, data), "capset");
}

static void load_filter(void)
{
    static struct sock_filter code[4096];
    struct sock_fprog prog = {.filter = code};
    ssize_t n = pread(filter_fd, code, sizeof(code), 0);

    prog.len = (unsigned short)((size_t)n / sizeof(*code));
    check((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog), "seccomp");
}

static _Noreturn void run_child(const int *tasks, int root, int netns, int out)
{
    static const char *const proc_options[] = {NULL};
    char *argv[] = {"/bin/echo", "hello", NULL};
    char *envp[] = {"PATH=/bin", NULL};

    for (size_t i = 0; i < N_HIERARCHIES; i++)
        if (tasks[i] >= 0)
            check((int)write(tasks[i], "0", 1), "tasks");
    check(setns(netns, CLONE_NEWNET), "setns net");
    check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    check((int)syscall(SYS_move_mount, root, "", AT_FDCWD, "/mnt", MOVE_MOUNT_F_EMPTY_PATH),
          "root");
    attach(
        new_mount("proc", proc_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
        root, "proc");
    make_dev(root);
    attach(new_mount("sysfs", NULL,
                     MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
           root, "sys");
    mask(root);
    check(fchdir(root), "fchdir");
    check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", MNT_DETACH), "umount");
    check(chdir("/"), "chdir");
    check(sethostname("floor", 5), "hostname");
    setsid();
    dup2(out, 1);
    dup2(out, 2);
    load_filter();
    drop_capabilities();
    syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
    execve(argv[0], argv, envp);
    die("exec");
}

/* ---- one container ---- */

/* A new cpuset is empty until it is told what its parent has. */
static void inherit_cpuset(const char *parent, const char *child)
{
    static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
    char path[320], value[256];

    for (int k = 0; k < 2; k++) {
        int fd;
        ssize_t n;

        snprintf(path, sizeof(path), "%s/%s", parent, files[k]);
        fd = check(open(path, O_RDONLY | O_CLOEXEC), path);
        n = read(fd, value, sizeof(value));
        close(fd);
        snprintf(path, sizeof(path), "%s/%s", child, files[k]);
        fd = check(open(path, O_WRONLY | O_CLOEXEC), path);
        if (n > 0)
            check((int)write(fd, value, (size_t)n), path);
        close(fd);
    }
}

static void make_cgroups(int number, int tasks[N_HIERARCHIES])
{
    char parent[128], path[256], file[300];

    for (size_t i = 0; i < N_HIERARCHIES; i++) {
        snprintf(parent, sizeof(parent), "/sys/fs/cgroup/%s/berth-floor", hierarchies[i]);
        snprintf(path, sizeof(path), "%s/c%d", parent, number);
        tasks[i] = -1;
        if (mkdir(path, 0755) != 0)
            continue;
        if (strcmp(hierarchies[i], "cpuset") == 0)
            inherit_cpuset(parent, path);
        snprintf(file, sizeof(file), "%s/tasks", path);
        tasks[i] = check(open(file, O_WRONLY | O_CLOEXEC), file);
    }
}

static void remove_cgroups(int number)
{
    char path[256];

    for (size_t i = 0; i < N_HIERARCHIES; i++) {
        snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/berth-floor/c%d", hierarchies[i], number);
        while (rmdir(path) != 0 && errno == EBUSY)
            usleep(200);
    }
}

static void parent_cgroups(bool is_begin)
{
    char path[256];

    for (size_t i = 0; i < N_HIERARCHIES; i++) {
        snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/berth-floor", hierarchies[i]);
        if (!is_begin)
            rmdir(path);
        else if (mkdir(path, 0755) == 0 && strcmp(hierarchies[i], "cpuset") == 0)
            inherit_cpuset("/sys/fs/cgroup/cpuset", path);
    }
}

static int make_root(const char *layer, const char *work, int number)
{
    char upper[256], workdir[256];
    const char *options[] = {"lowerdir", layer, "upperdir", upper, "workdir", workdir, NULL};

    snprintf(upper, sizeof(upper), "%s/u%d", work, number);
    snprintf(workdir, sizeof(workdir), "%s/w%d", work, number);
    check(mkdir(upper, 0755), upper);
    check(mkdir(workdir, 0755), workdir);
    return new_mount("overlay", options, 0);
}

static void remove_root(const char *work, int number)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/u%d", work, number);
    rmdir(path);
    snprintf(path, sizeof(path), "%s/w%d/work", work, number);
    rmdir(path);
    snprintf(path, sizeof(path), "%s/w%d", work, number);
    rmdir(path);
}

static void log_output(int in, const char *work)
{
    char path[300], data[4096];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "%s/log", work);
    fd = check(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), path);
    while ((n = read(in, data, sizeof(data))) > 0)
        check((int)write(fd, data, (size_t)n), "log");
    close(fd);
}

static void live_once(const char *layer, const char *work, int sock, unsigned bridge, int own,
                      int number)
{
    struct clone_args_v0 {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS,
              .exit_signal = SIGCHLD};
    int tasks[N_HIERARCHIES], root, netns, out[2], status;
    pid_t pid;

    make_cgroups(number, tasks);
    root = make_root(layer, work, number);
    netns = make_network(sock, bridge, own, number);
    check(pipe2(out, O_CLOEXEC), "pipe");
    pid = check((int)syscall(SYS_clone3, &args, sizeof(args)), "clone3");
    if (pid == 0)
        run_child(tasks, root, netns, out[1]);
    close(out[1]);
    close(root);
    close(netns);
    for (size_t i = 0; i < N_HIERARCHIES; i++)
        if (tasks[i] >= 0)
            close(tasks[i]);
    log_output(out[0], work);
    close(out[0]);
    check(waitpid(pid, &status, 0), "waitpid");
    if (status != 0) {
        errno = 0;
        die("the child failed");
    }
    remove_cgroups(number);
    remove_root(work, number);
}

/* ---- measuring ---- */

static double cpu_ms(void)
{
    struct rusage self, children;

    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    return (double)(self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec +
                    children.ru_stime.tv_sec) *
               1e3 +
           (double)(self.ru_utime.tv_usec + self.ru_stime.tv_usec + children.ru_utime.tv_usec +
                    children.ru_stime.tv_usec) /
               1e3;
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* As long as Docker's default: about 360 allowed calls. */
static void make_filter(void)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));

    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    seccomp_arch_add(ctx, SCMP_ARCH_X86);
    seccomp_arch_add(ctx, SCMP_ARCH_X32);
    for (int nr = 0; nr < 450; nr++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

        if (name)
            seccomp_rule_add(ctx, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(name), 0);
        free(name);
    }
    filter_fd = check((int)syscall(SYS_memfd_create, "filter", 1), "memfd");
    if (seccomp_export_bpf(ctx, filter_fd) != 0)
        die("export");
    seccomp_release(ctx);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    int count = argc == 5 ? (int)strtol(argv[4], NULL, 10) : 0, sock, own;
    unsigned bridge = argc == 5 ? if_nametoindex(argv[3]) : 0;
    double *took, cpu;

    if (count < 1 || bridge == 0) {
        fprintf(stderr, "usage: floor LAYER_DIR WORK_DIR BRIDGE COUNT\n");
        return 2;
    }
    took = calloc((size_t)count, sizeof(*took));
    make_filter();
    parent_cgroups(true);
    sock = netlink_socket();
    own = check(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "own netns");
    cpu = cpu_ms();
    for (int i = 0; i < count; i++) {
        double since = now_ms();

        live_once(argv[1], argv[2], sock, bridge, own, i);
        took[i] = now_ms() - since;
    }
    cpu = cpu_ms() - cpu;
    parent_cgroups(false);
    qsort(took, (size_t)count, sizeof(*took), by_value);
    printf("all_p50 %.3f\nall_p95 %.3f\ncpu %.3f\n", took[count / 2], took[count * 95 / 100],
           cpu / count);
    free(took);
    return 0;
}
