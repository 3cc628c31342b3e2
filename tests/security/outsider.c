/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root of a user namespace, with every capability and no filter, tries what only the host's root
 * may; each line says what came of it. "euid": who a set-user-ID file makes of the caller.
 *     outsider tries | outsider euid
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

static void tell(const char *what, long result)
{
    printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "DONE");
}

static long write_to(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    long n = fd < 0 ? -1 : write(fd, text, strlen(text));
    int sys = errno;

    if (fd >= 0)
        close(fd);
    errno = sys;
    return n;
}

/* The root directory of a file system of the host, through any file of it: only its number is
 * needed (CVE-2014-3519, "shocker"). */
static long open_by_number(void)
{
    struct {
        struct file_handle head;
        unsigned char bytes[8];
    } handle = {.head = {.handle_bytes = 8, .handle_type = 1}, .bytes = {2}};
    int fd = open("/bound", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -1 : open_by_handle_at(fd, &handle.head, O_RDONLY);
}

static void try_files(void)
{
    tell("read another's file", open("/bound/of-another", O_RDONLY | O_CLOEXEC));
    tell("take another's file", chown("/bound/of-another", 0, 0));
    tell("give a file to nobody of ours", chown("/bound/own", 3000000, 0));
    tell("become nobody of ours", setresuid(3000000, 3000000, 3000000));
    tell("a file by its number", open_by_number());
    tell("a block device", mknod("/tmp/disk", S_IFBLK | 0600, makedev(8, 0)));
    tell("a null device", mknod("/tmp/null", S_IFCHR | 0600, makedev(1, 3)));
    tell("a disk's file system", mount("/dev/vda", "/tmp", "ext4", 0, NULL));
}

static void try_kernel(void)
{
    struct timeval now = {.tv_sec = 1};

    tell("sysrq", write_to("/proc/sysrq-trigger", "h"));
    tell("core_pattern", write_to("/proc/sys/kernel/core_pattern", "|/bin/false"));
    tell("modprobe path", write_to("/proc/sys/kernel/modprobe", "/bin/false"));
    tell("uevent helper", write_to("/sys/kernel/uevent_helper", "/bin/false"));
    tell("a module", syscall(SYS_init_module, "", 0, ""));
    tell("the clock", settimeofday(&now, NULL));
    tell("the kernel's log", klogctl(3, (char[16]){0}, 16));
    tell("ports", iopl(3));
    tell("swap", swapon("/bound/own", 0));
    tell("accounting", acct("/bound/own"));
    tell("the host's mounts", write_to("/proc/1/oom_score_adj", "-1000"));
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "euid"))
        return printf("%d\n", (int)geteuid()) < 0;
    if (argc == 2 && !strcmp(argv[1], "stay")) {
        printf("%d\n", (int)geteuid());
        fflush(stdout);
        for (;;)
            pause();
    }
    try_files();
    try_kernel();
    return 0;
}
