/* SPDX-License-Identifier: Apache-2.0 */
/* See keeper_client.h. Blocking, and any surprise ends the test: this is no engine. */
#include "keeper_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

void die(const char *what)
{
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

void job_init(struct job *j)
{
    memset(j, 0, sizeof(*j));
    j->size = sizeof(struct program_header);
    j->out = j->cgroup_at = -1;
}

void job_finish(struct job *j)
{
    for (unsigned i = 0; i < j->n_fds; i++)
        close(j->fds[i]);
    for (unsigned i = 0; i < j->n_holds; i++)
        close(j->holds[i]);
    j->n_fds = j->n_holds = 0;
}

unsigned job_fd(struct job *j, int fd)
{
    if (fd < 0)
        die("descriptor for a program");
    j->fds[j->n_fds] = fd;
    return j->n_fds++;
}

void job_hold(struct job *j, int fd, enum keeper_role role)
{
    j->holds[j->n_holds] = fd;
    j->roles[j->n_holds++] = (uint8_t)role;
}

void job_op(struct job *j, unsigned code, unsigned flags, int fd, uint32_t a, uint64_t b,
            uint64_t c, const void *data, size_t n)
{
    struct program_op *op = (void *)(j->program + j->size);

    op->code = (uint16_t)code;
    op->flags = (uint16_t)flags;
    op->fd = fd;
    op->a = a;
    op->b = b;
    op->c = c;
    op->size = (uint32_t)((sizeof(*op) + n + 7) & ~(size_t)7);
    if (n)
        memcpy(op->data, data, n);
    j->size += op->size;
    j->n_ops++;
}

void job_text(struct job *j, unsigned code, unsigned flags, int fd, const char *text)
{
    job_op(j, code, flags, fd, 0, 0, 0, text, strlen(text) + 1);
}

void job_strings(struct job *j, unsigned code, const char *const *v)
{
    char data[16384];
    size_t n = 0;
    uint32_t count = 0;

    for (; *v; v++, count++) {
        memcpy(data + n, *v, strlen(*v) + 1);
        n += strlen(*v) + 1;
    }
    job_op(j, code, 0, -1, count, 0, 0, data, n);
}

int job_memfd(const struct job *j)
{
    struct program_header h = {.magic = PROGRAM_MAGIC,
                               .version = PROGRAM_VERSION,
                               .n_ops = (uint16_t)j->n_ops,
                               .size = (uint32_t)j->size,
                               .n_fds = j->n_fds};
    int fd = memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || pwrite(fd, j->program, j->size, 0) != (ssize_t)j->size ||
        pwrite(fd, &h, sizeof(h), 0) != sizeof(h))
        die("program memfd");
    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    return fd;
}

static int sealed_copy(const char *binary)
{
    int in = open(binary, O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("berth-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct stat st;

    if (in < 0 || fd < 0 || fstat(in, &st) || sendfile(fd, in, NULL, (size_t)st.st_size) < 0)
        die(binary);
    close(in);
    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    return fd;
}

pid_t keeper_start(const char *binary, const char *exec_root)
{
    extern char **environ;
    char path[64], root[256], byte;
    char *argv[] = {"berth-keeper", root, NULL};
    posix_spawn_file_actions_t actions;
    int memfd = sealed_copy(binary), ready[2];
    pid_t pid;

    snprintf(root, sizeof(root), "%s", exec_root);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
    if (pipe2(ready, O_CLOEXEC))
        die("pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ready[1], 1);
    if (posix_spawn(&pid, path, &actions, NULL, argv, environ))
        die("start the keeper");
    posix_spawn_file_actions_destroy(&actions);
    close(ready[1]);
    while (read(ready[0], &byte, 1) > 0)
        ;
    close(ready[0]);
    close(memfd);
    return pid;
}

int client_connect(const char *exec_root)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s/" KEEPER_SOCKET, exec_root);
    if (!connect(fd, (const struct sockaddr *)&a, sizeof(a)))
        return fd;
    close(fd);
    return -1;
}

int client_hello(int fd)
{
    struct keeper_hello m = {.head = {.type = KM_HELLO, .size = sizeof(m), .tag = 1},
                             .version = KEEPER_VERSION,
                             .pid = (uint32_t)getpid()};

    client_send(fd, &m, sizeof(m), NULL, 0);
    return fd;
}

void client_send(int fd, const void *p, size_t n, const int *fds, unsigned n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(253 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

    if (n_fds) {
        struct cmsghdr *c = &control.align;

        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    if (sendmsg(fd, &m, MSG_NOSIGNAL) < 0 && errno != EPIPE)
        die("sendmsg");
}

void client_spawn(int fd, struct job *j, const char *id, uint64_t tag)
{
    struct keeper_spawn m = {
        .head = {.type = KM_SPAWN, .size = sizeof(m), .tag = tag},
        .clone_flags = j->clone_flags,
        .cgroup_fd = j->cgroup_at,
        .flags = j->flags,
        .n_fds = j->n_fds,
        .n_holds = j->n_holds,
    };
    int fds[253], program = job_memfd(j);
    unsigned n = 0;

    snprintf(m.id, sizeof(m.id), "%s", id);
    memcpy(m.roles, j->roles, sizeof(m.roles));
    fds[n++] = program;
    for (unsigned i = 0; i < j->n_fds; i++)
        fds[n++] = j->fds[i];
    for (unsigned i = 0; i < j->n_holds; i++)
        fds[n++] = j->holds[i];
    client_send(fd, &m, sizeof(m), fds, n);
    close(program);
    job_finish(j);
}

void client_ref(int fd, enum keeper_msg type, const char *id, int pid, uint32_t role,
                const int *fds, unsigned n_fds)
{
    struct keeper_ref m = {
        .head = {.type = type, .size = sizeof(m), .tag = 7}, .pid = pid, .role = role};

    snprintf(m.id, sizeof(m.id), "%s", id);
    client_send(fd, &m, sizeof(m), fds, n_fds);
}

bool client_receive(int fd, struct reply *out, int timeout_ms)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = out->bytes, .iov_len = sizeof(out->bytes)};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct cmsghdr *c;
    ssize_t n;

    memset(out, 0, sizeof(*out));
    if (poll(&p, 1, timeout_ms) <= 0)
        return false;
    n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    if (n <= 0)
        return false;
    if (out->head.size != (uint32_t)n)
        die("keeper's message has a wrong size");
    c = CMSG_FIRSTHDR(&m);
    if (c) {
        out->n_fds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(out->fds, CMSG_DATA(c), out->n_fds * sizeof(int));
    }
    return true;
}

bool client_await(int fd, enum keeper_msg type, struct reply *out)
{
    while (client_receive(fd, out, PATIENCE_MS)) {
        if (out->head.type == type)
            return true;
        reply_close(out);
    }
    return false;
}

void reply_close(struct reply *r)
{
    for (unsigned i = 0; i < r->n_fds; i++)
        close(r->fds[i]);
    r->n_fds = 0;
}
