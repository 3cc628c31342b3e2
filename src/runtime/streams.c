/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard streams: pipes, /dev/null or one terminal. Workers.
 *
 * Without a stdin of its own a payload reads /dev/null from the start: there is no
 * pipe whose write end anyone could forget to close. The two ends of a pipe and of a
 * terminal are separate file descriptions, so O_NONBLOCK on ours does not show inside.
 */
#include "streams.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

void streams_close(struct streams *s)
{
    for (int i = 0; i < 3; i++)
        if (s->fd[i] >= 0)
            close(s->fd[i]);
    if (s->tty >= 0)
        close(s->tty);
}

static void add_hold(struct launch *l, enum keeper_role role, int fd)
{
    ASSERT(fd >= 0 && role > ROLE_NONE && role < ROLE_COUNT);
    ASSERT(l->n_holds < ARRAY_LEN(l->holds));
    l->holds[l->n_holds] = fd;
    l->roles[l->n_holds++] = (uint8_t)role;
}

/* Payloads that are not root reopen /dev/stdout by path. */
static struct err *give_to(int fd, uint32_t uid)
{
    ASSERT(fd >= 0);
    if (uid != 0 && fchown(fd, uid, (gid_t)-1) < 0)
        return err_sys("give a standard stream to user %u", uid);
    return NULL;
}

static struct err *open_null(int mode, int *out)
{
    int fd = open("/dev/null", mode | O_CLOEXEC);

    if (fd < 0)
        return err_sys("open /dev/null");
    *out = fd;
    return NULL;
}

/* ours: which end of the pipe is the engine's (0 reads, 1 writes). */
static struct err *open_pipe(struct launch *l, enum keeper_role role, int ours, uint32_t uid,
                             int *out)
{
    int ends[2];
    struct err *e;

    TRY(fd_pipe(ends, 0));
    e = fd_set_nonblock(ends[ours]);
    if (!e)
        e = give_to(ends[!ours], uid);
    if (e) {
        close(ends[0]);
        close(ends[1]);
        return e;
    }
    add_hold(l, role, ends[ours]);
    *out = ends[!ours];
    return NULL;
}

struct err *streams_pipes(const struct streams_request *r, struct launch *l, struct streams *out)
{
    TRY(r->has_stdin ? open_pipe(l, ROLE_STDIN, 1, r->uid, &out->fd[0])
                     : open_null(O_RDONLY, &out->fd[0]));
    TRY(r->has_stdout ? open_pipe(l, ROLE_STDOUT, 0, r->uid, &out->fd[1])
                      : open_null(O_WRONLY, &out->fd[1]));
    return r->has_stderr ? open_pipe(l, ROLE_STDERR, 0, r->uid, &out->fd[2])
                         : open_null(O_WRONLY, &out->fd[2]);
}

/* TIOCGPTPEER (Linux 4.13) opens the other side by the master's descriptor: no path, so a container
 * that covers /dev/pts changes nothing (ioctl_tty(2)). */
struct err *streams_terminal(int ptmx, uint32_t uid, const uint32_t size[2], struct launch *l,
                             struct streams *out)
{
    const struct winsize window = {.ws_row = (unsigned short)size[0],
                                   .ws_col = (unsigned short)size[1]};
    autoclose int master = ptmx;
    int unlocked = 0, slave;

    if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
        return err_sys("unlock a terminal");
    slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return err_sys("open a terminal");
    out->tty = slave;
    TRY(give_to(slave, uid));
    if (window.ws_row && window.ws_col && ioctl(master, TIOCSWINSZ, &window) < 0)
        return err_sys("set the size of a terminal");
    TRY(fd_set_nonblock(master));
    add_hold(l, ROLE_PTY, steal_fd(&master));
    return NULL;
}

/* Bytes of a terminal cannot be spliced into a file (EINVAL), but into a pipe: they go by way of
 * this one. */
struct err *streams_relay(struct launch *l)
{
    int ends[2];

    TRY(fd_pipe(ends, O_NONBLOCK));
    add_hold(l, ROLE_RELAY_READ, ends[0]);
    add_hold(l, ROLE_RELAY_WRITE, ends[1]);
    return NULL;
}
