/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a keeper and connecting to it. Start-up, and on the loop after a keeper was
 * killed (a spawn without fork handlers, well under a millisecond).
 *
 * The keeper runs from a sealed memfd so that no container can ever write to the file
 * it came from (CVE-2019-5736); vm.memfd_noexec=2 refuses that, then the path is used.
 * It gets no environment and, everything being O_CLOEXEC, no fd but three nulls.
 */
#include "keeper_process.h"

#include "base/digest.h"
#include "base/fd.h"
#include "wire/keeper_messages.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif
#define LOG_VARIABLE "BERTH_KEEPER_LOG"

/* MFD_EXEC: since 6.3 a memfd without it is warned of, and vm.memfd_noexec may take the right to
 * execute away (memfd_create(2)). */
static int make_memfd(void)
{
    int fd = memfd_create("berth-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

    if (fd < 0 && errno == EINVAL) /* before 6.3 */
        fd = memfd_create("berth-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

/* The digest of the file is the build: an engine of the same version with a patched keeper is
 * another build. */
static struct err *name_build(int fd, const char *binary, char build[KEEPER_BUILD_MAX])
{
    enum { CHUNK = 65536 };
    autofree char *chunk = mem_alloc(CHUNK);
    struct sha256 *sum = sha256_create();
    char digest[DIGEST_MAX];
    ssize_t n;

    for (off_t at = 0; (n = pread(fd, chunk, CHUNK, at)) > 0; at += n)
        sha256_add(sum, chunk, (size_t)n);
    sha256_end(sum, digest);
    if (n < 0)
        return err_sys("read %s", binary);
    snprintf(build, KEEPER_BUILD_MAX, "%.30s %.16s", BERTH_VERSION, digest_hex(digest));
    return NULL;
}

struct err *keeper_binary_copy(const char *binary, int *out, char build[KEEPER_BUILD_MAX])
{
    autoclose int from = open(binary, O_RDONLY | O_CLOEXEC);
    autoclose int to = -1;
    struct stat st;
    off_t done = 0;

    ASSERT(binary && *binary);
    if (from < 0 || fstat(from, &st) < 0)
        return err_sys("open %s", binary);
    to = make_memfd();
    if (to < 0) { /* vm.memfd_noexec refuses it */
        *out = -1;
        return name_build(from, binary, build);
    }
    while (done < st.st_size)
        if (sendfile(to, from, &done, (size_t)(st.st_size - done)) <= 0)
            return err_sys("copy %s", binary);
    if (fcntl(to, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return err_sys("seal the copy of %s", binary);
    TRY(name_build(to, binary, build));
    *out = steal_fd(&to);
    return NULL;
}

/* A read-only mount of the file: what is executed through it cannot be written to (CVE-2019-5736),
 * as with a sealed memfd. */
struct err *keeper_binary_bind(const char *binary, int *out)
{
    struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
    autoclose int fd = open_tree(AT_FDCWD, binary, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)) != 0)
        return err_sys("bind %s", binary);
    *out = steal_fd(&fd);
    return NULL;
}

/* stderr stays: that is where the keeper says why it cannot start. */
static int spawn(const char *path, char *const argv[], char *const env[], pid_t *out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, 0, 1);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    rc = posix_spawn(out, path, &actions, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* By the sealed copy if there is one. EACCES, EPERM: the kernel executes no memfd here
 * (vm.memfd_noexec, a mount with noexec): then by its path. */
struct err *keeper_process_start(int copy, const char *binary, const char *exec_root,
                                 const char *build, pid_t *out)
{
    char *argv[] = {(char *)"berth-keeper", (char *)exec_root, (char *)build, NULL};
    autofree char *log =
        getenv(LOG_VARIABLE) ? mem_printf(LOG_VARIABLE "=%s", getenv(LOG_VARIABLE)) : NULL;
    char *env[] = {log, NULL};
    char path[40];
    int rc = EACCES;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", copy);
    if (copy >= 0)
        rc = spawn(path, argv, env, out);
    if (rc == EACCES || rc == EPERM)
        rc = spawn(binary, argv, env, out);
    return rc ? err_sysno(rc, "start %s", binary) : NULL;
}

int keeper_connect(const char *exec_root)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    autoclose int dir = open(exec_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    autoclose int sock = -1;

    if (dir < 0)
        return -1;
    sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* by the directory's fd: an exec root may be longer than sun_path */
    snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/" KEEPER_SOCKET, dir);
    if (sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        return -1;
    return steal_fd(&sock);
}
