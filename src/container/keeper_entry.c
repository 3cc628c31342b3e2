/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper says of a process, and what it is told of one. An entry's fds are those of its
 * roles behind the pidfd, in the order of the roles. Loop thread.
 */
#include "container/keeper_entry.h"

#include <stdio.h>

#include "runtime/keeper_conn.h"

struct exit_record keeper_entry_exit(const struct keeper_entry *e)
{
    return (struct exit_record){
        .is_set = true, .pid = e->pid, .status = e->status, .wall_ns = e->exited_wall_ns};
}

static int fd_of_role(const struct keeper_entry *e, const int *fds, enum keeper_role role)
{
    for (uint32_t i = 0; i < e->n_holds; i++)
        if (e->roles[i] == role)
            return fds[1 + i];
    return -1;
}

struct hub_streams keeper_entry_streams(const struct keeper_entry *e, const int *fds)
{
    return (struct hub_streams){
        .in = fd_of_role(e, fds, ROLE_STDIN),
        .out = fd_of_role(e, fds, ROLE_STDOUT),
        .err = fd_of_role(e, fds, ROLE_STDERR),
        .pty = fd_of_role(e, fds, ROLE_PTY),
        .relay = {fd_of_role(e, fds, ROLE_RELAY_READ), fd_of_role(e, fds, ROLE_RELAY_WRITE)},
    };
}

static void add_hold(struct keeper_entry *e, int *fds, enum keeper_role role, int fd)
{
    if (fd < 0)
        return;
    e->roles[e->n_holds++] = (uint8_t)role;
    fds[e->n_holds] = fd;
}

void keeper_entry_hand_back(struct keeper_conn *k, const char *id, int pid, int pidfd,
                            int64_t started_ns, const struct hub *hub)
{
    struct keeper_entry e = {.pid = pid, .started_wall_ns = started_ns};
    struct hub_streams s = {-1, -1, -1, -1, {-1, -1}, false, NULL};
    int fds[1 + KEEPER_HOLDS_MAX] = {pidfd};

    if (hub && hub_is_running(hub))
        hub_peek(hub, &s);
    snprintf(e.id, sizeof(e.id), "%s", id);
    add_hold(&e, fds, ROLE_STDIN, s.in);
    add_hold(&e, fds, ROLE_STDOUT, s.out);
    add_hold(&e, fds, ROLE_STDERR, s.err);
    add_hold(&e, fds, ROLE_PTY, s.pty);
    add_hold(&e, fds, ROLE_RELAY_READ, s.relay[0]);
    add_hold(&e, fds, ROLE_RELAY_WRITE, s.relay[1]);
    keeper_adopt(k, &e, fds);
}
