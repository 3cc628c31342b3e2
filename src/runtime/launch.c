/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A launch: a program and every fd that travels with it. A plain owner of fds; one
 * thread at a time (the worker that compiles, then the loop that sends).
 *
 * program_fd and fds[] are given away by keeper_spawn; holds[] are the engine's own
 * ends and stay until launch_take_hold or launch_close.
 */
#include <string.h>

#include "base/mem.h"
#include "runtime/keeper_conn.h"

static void close_all(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

void launch_init(struct launch *l)
{
    memset(l, 0, sizeof(*l));
    l->program_fd = -1;
    l->cgroup_at = -1;
    for (size_t i = 0; i < ARRAY_LEN(l->fds); i++)
        l->fds[i] = -1;
    for (size_t i = 0; i < ARRAY_LEN(l->holds); i++)
        l->holds[i] = -1;
}

void launch_close(struct launch *l)
{
    ASSERT(l->n_fds <= ARRAY_LEN(l->fds) && l->n_holds <= ARRAY_LEN(l->holds));
    close_all(&l->program_fd, 1);
    close_all(l->fds, l->n_fds);
    close_all(l->holds, l->n_holds);
    l->n_fds = 0;
    l->n_holds = 0;
}

int launch_add_fd(struct launch *l, int fd)
{
    ASSERT(fd >= 0);
    ASSERT(l->n_fds < ARRAY_LEN(l->fds));
    l->fds[l->n_fds] = fd;
    return (int)l->n_fds++;
}

int launch_take_hold(struct launch *l, enum keeper_role role)
{
    ASSERT(role > ROLE_NONE && role < ROLE_COUNT);
    for (size_t i = 0; i < l->n_holds; i++)
        if (l->roles[i] == role)
            return steal_fd(&l->holds[i]);
    return -1;
}
