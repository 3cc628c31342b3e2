/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container may do, item by item, for matrix.sh: one line for each.
 *
 *   matrix_probe calls     "call ABI NUMBER VERDICT" for each number of x86_64, x32 and i386, and
 *                          "args …" for calls that the filter judges by an argument
 *   matrix_probe paths     "dir|file PATH FS RIGHTS" for all below /proc (of the processes: self)
 * and /sys matrix_probe devices   "node NAME …" of /dev, "device TYPE MAJOR MINOR MKNOD READ WRITE"
 *
 * No call is executed: a filter on top of the container's hands those that are allowed to a tracer,
 * which skips them. A filter that refuses has precedence over one that traces (seccomp(2)).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/user.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- system calls ---- */

#if defined(__x86_64__)
#define MARK 0x62657274 /* in the sixth argument: this call is one of the matrix */
enum { ALLOWED = ENOTUNIQ, CALLS = 620, X32 = 0x40000000 };

enum abi { ABI_64, ABI_X32, ABI_32, N_ABIS };
static const char *const abi_names[] = {"x86_64", "x32", "i386"};

struct call {
    enum abi abi;
    unsigned number;
    unsigned long args[3];
    char name[40]; /* "" for a bare number */
    volatile int result;
};

static long call_32(unsigned number, const unsigned long *a)
{
    long rc;

    __asm__ volatile("lea -128(%%rsp), %%rsp\n push %%rbp\n mov $0x62657274, %%ebp\n int $0x80\n"
                     "pop %%rbp\n lea 128(%%rsp), %%rsp"
                     : "=a"(rc)
                     : "a"(number), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(0L), "D"(0L)
                     : "memory", "cc", "r8", "r9", "r10", "r11");
    return (int)rc;
}

static int call_result(const struct call *c)
{
    long rc;

    if (c->abi == ABI_32)
        return (int)-call_32(c->number, c->args);
    rc = syscall(c->number | (c->abi == ABI_X32 ? X32 : 0), c->args[0], c->args[1], c->args[2], 0L,
                 0L, (long)MARK);
    return rc < 0 ? errno : 0;
}

static void trace_marked(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &program)) {
        perror("seccomp");
        _exit(2);
    }
}

/* Makes the calls from *next on; what it dies of is the parent's to note. */
static void call_all(struct call *calls, unsigned n, volatile unsigned *next)
{
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    trace_marked();
    for (; *next < n; ++*next)
        calls[*next].result = call_result(&calls[*next]);
    _exit(0);
}

static int trace(pid_t child)
{
    struct user_regs_struct regs;
    int status;

    waitpid(child, &status, 0);
    ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
    for (;;) {
        ptrace(PTRACE_CONT, child, 0, 0);
        waitpid(child, &status, 0);
        if (!WIFSTOPPED(status))
            return 0;
        if (status >> 8 != (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
            break;
        ptrace(PTRACE_GETREGS, child, 0, &regs);
        regs.orig_rax = -1UL;
        regs.rax = -(unsigned long)ALLOWED;
        ptrace(PTRACE_SETREGS, child, 0, &regs);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return WSTOPSIG(status);
}

static unsigned add_args(struct call *calls, unsigned n)
{
    static const struct {
        const char *name;
        unsigned number;
        unsigned long flag;
    } judged[] = {
        {"clone NEWNS", SYS_clone, CLONE_NEWNS},
        {"clone NEWUTS", SYS_clone, CLONE_NEWUTS},
        {"clone NEWIPC", SYS_clone, CLONE_NEWIPC},
        {"clone NEWUSER", SYS_clone, CLONE_NEWUSER},
        {"clone NEWPID", SYS_clone, CLONE_NEWPID},
        {"clone NEWNET", SYS_clone, CLONE_NEWNET},
        {"clone NEWCGROUP", SYS_clone, CLONE_NEWCGROUP},
        {"clone PARENT", SYS_clone, CLONE_PARENT},
        {"personality LINUX", SYS_personality, 0},
        {"personality LINUX32", SYS_personality, 8},
        {"personality UNAME26", SYS_personality, 0x20000},
        {"personality LINUX32 UNAME26", SYS_personality, 0x20008},
        {"personality query", SYS_personality, 0xffffffff},
        {"personality ADDR_NO_RANDOMIZE", SYS_personality, 0x40000},
        {"personality READ_IMPLIES_EXEC", SYS_personality, 0x400000},
    };

    for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++, n++) {
        calls[n] = (struct call){.number = judged[i].number, .args = {judged[i].flag}};
        snprintf(calls[n].name, sizeof(calls[n].name), "%s", judged[i].name);
    }
    for (unsigned long family = 0; family < 48; family++, n++) {
        calls[n] = (struct call){.number = SYS_socket, .args = {family, 1, 0}};
        snprintf(calls[n].name, sizeof(calls[n].name), "socket family %lu", family);
    }
    return n;
}

static const char *verdict(int result, char *buffer, size_t size)
{
    if (result == ALLOWED)
        return "allowed";
    if (result == EPERM)
        return "EPERM";
    if (result == ENOSYS)
        return "ENOSYS";
    snprintf(buffer, size, "error-%d", result);
    return buffer;
}

static int probe_calls(void)
{
    const size_t bytes = (N_ABIS * CALLS + 200) * sizeof(struct call) + sizeof(unsigned);
    struct call *calls =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    volatile unsigned *next = (unsigned *)&calls[N_ABIS * CALLS + 200];
    unsigned n = 0;
    char text[24];

    /* uretprobe and uprobe (335, 336) belong to the kernel's own traps: no filter sees them. */
    for (int abi = 0; abi < N_ABIS; abi++)
        for (unsigned i = 0; i < CALLS; i++)
            if (abi == ABI_32 || (i != 335 && i != 336))
                calls[n++] = (struct call){.abi = (enum abi)abi, .number = i};
    n = add_args(calls, n);
    while (*next < n) {
        pid_t child = fork();
        int sig;

        if (child == 0)
            call_all(calls, n, next);
        sig = trace(child);
        if (!sig)
            break;
        calls[*next].result = 1000 + sig; /* no 32-bit calls in this kernel, for one */
        ++*next;
    }
    for (unsigned i = 0; i < n; i++)
        if (calls[i].name[0])
            printf("args %s: %s\n", calls[i].name, verdict(calls[i].result, text, sizeof(text)));
        else
            printf("call %s %u %s\n", abi_names[calls[i].abi], calls[i].number,
                   verdict(calls[i].result, text, sizeof(text)));
    return *next < n;
}
#else
static int probe_calls(void)
{
    return 0;
}
#endif

/* ---- /proc and /sys ---- */

static const char *fs_name(const char *path)
{
    struct statfs fs;

    if (statfs(path, &fs))
        return "unknown";
    switch (fs.f_type) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
        return "kernel";
    case TMPFS_MAGIC:
        return "tmpfs";
    default:
        return "other";
    }
}

static bool opens(const char *path, int flags)
{
    int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* "." where the mode of the file itself leaves nothing to ask. */
static void look_file(const char *path, const struct stat *st)
{
    if (S_ISCHR(st->st_mode)) {
        printf("file %s masked\n", path);
        return;
    }
    printf("file %s %s %c%c\n", path, fs_name(path),
           !(st->st_mode & 0444)   ? '.'
           : opens(path, O_RDONLY) ? 'r'
                                   : '-',
           !(st->st_mode & 0222)   ? '.'
           : opens(path, O_WRONLY) ? 'w'
                                   : '-');
}

static void look_dir(const char *path)
{
    struct statvfs fs;
    DIR *d = opendir(path);

    printf("dir %s %s %s%s\n", path, fs_name(path),
           statvfs(path, &fs)      ? "unknown"
           : fs.f_flag & ST_RDONLY ? "ro"
                                   : "rw",
           d ? "" : " closed");
    if (d)
        closedir(d);
}

static int look(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    static const char *const fickle[] = {"task", "map_files", "fd", "fdinfo"};
    const char *name = path + at->base;

    if (kind == FTW_SL || kind == FTW_NS)
        return FTW_CONTINUE;
    if (strncmp(path, "/proc/", 6) == 0 && path[6] >= '0' && path[6] <= '9')
        return kind == FTW_F ? FTW_CONTINUE : FTW_SKIP_SUBTREE;
    if (kind == FTW_F) {
        look_file(path, st);
        return FTW_CONTINUE;
    }
    for (size_t i = 0; i < sizeof(fickle) / sizeof(fickle[0]); i++)
        if (strncmp(path, "/proc/self/", 11) == 0 && strcmp(name, fickle[i]) == 0)
            return FTW_SKIP_SUBTREE;
    look_dir(path);
    return FTW_CONTINUE;
}

static int probe_paths(void)
{
    const int how = FTW_PHYS | FTW_ACTIONRETVAL;

    return nftw("/proc", look, 64, how) || nftw("/proc/self/.", look, 64, how) ||
           nftw("/sys", look, 64, how);
}

/* ---- devices ---- */

static void list_nodes(void)
{
    struct dirent **names;
    int n = scandir("/dev", &names, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        char path[300], target[200];
        struct stat st;
        ssize_t length;

        snprintf(path, sizeof(path), "/dev/%s", names[i]->d_name);
        if (names[i]->d_name[0] == '.' || lstat(path, &st))
            continue;
        length = S_ISLNK(st.st_mode) ? readlink(path, target, sizeof(target) - 1) : 0;
        target[length > 0 ? length : 0] = 0;
        printf("node %s %o %u %u %u:%u %s\n", names[i]->d_name, st.st_mode, st.st_uid, st.st_gid,
               major(st.st_rdev), minor(st.st_rdev), target);
    }
}

/* What the device cgroup says is EPERM; a device that does not exist says something else later. */
static const char *is_permitted(bool works)
{
    return works || errno != EPERM ? "yes" : "no";
}

static void try_device(mode_t type, unsigned major_, unsigned minor_)
{
    static const char path[] = "/tmp/matrix-device";
    bool made;

    unlink(path);
    made = mknod(path, type | 0600, makedev(major_, minor_)) == 0;
    printf("device %c %u %u %s", type == S_IFCHR ? 'c' : 'b', major_, minor_, is_permitted(made));
    printf(" %s", made ? is_permitted(opens(path, O_RDONLY)) : "-");
    printf(" %s\n", made ? is_permitted(opens(path, O_WRONLY)) : "-");
    unlink(path);
}

static int probe_devices(void)
{
    enum { MAJORS = 512, MINORS = 20, MISC = 10, MISC_MINORS = 256, WATCHDOG = 130 };

    list_nodes();
    for (unsigned major_ = 0; major_ < MAJORS; major_++)
        for (unsigned minor_ = 0; minor_ < MINORS; minor_++) {
            try_device(S_IFCHR, major_, minor_);
            try_device(S_IFBLK, major_, minor_);
        }
    for (unsigned minor_ = MINORS; minor_ < MISC_MINORS; minor_++)
        if (minor_ != WATCHDOG) /* whoever opens it must go on */
            try_device(S_IFCHR, MISC, minor_);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "calls") == 0)
        return probe_calls();
    if (strcmp(what, "paths") == 0)
        return probe_paths();
    if (strcmp(what, "devices") == 0)
        return probe_devices();
    fprintf(stderr, "usage: matrix_probe calls|paths|devices\n");
    return 2;
}
