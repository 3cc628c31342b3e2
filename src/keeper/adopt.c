/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a killed keeper kept, handed back by the engine: processes that run but are not our
 * children. They are held for the next engine and nothing more. Trap: never wait for them,
 * and never tell of their exit: whoever has the pidfd (the engine, then the next) looks itself.
 */
#include "keeper.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>

/* All that can be had: a stream that is lost here is lost for the next engine only, this one has
 * its own. */
static bool take_fds(struct entry *e, const struct keeper_entry *m, int *fds)
{
    bool is_good;

    e->pidfd = fd_raise(fds[0]);
    is_good = e->pidfd >= 0;
    for (uint32_t i = 0; i < m->n_holds; i++) {
        int fd = fd_raise(fds[1 + i]);

        if (fd < 0) {
            is_good = false;
            continue;
        }
        ASSERT(e->n_holds < KEEPER_HOLDS_MAX); /* message_check bounds m->n_holds */
        e->holds[e->n_holds] = fd;
        e->roles[e->n_holds++] = m->roles[i];
    }
    return is_good;
}

void adopt_entry(struct keeper *k, const struct keeper_entry *m, int *fds, size_t n_fds)
{
    struct entry *e = entry_find(&k->table, m->id, m->pid);

    if (e && e->state == KEEPER_FOREIGN) {
        entry_destroy(&k->table, e);
        e = NULL;
    }
    if (!e)
        e = entry_create(&k->table, m->id);
    else
        e = NULL; /* our own child: nothing to take */
    if (!e) {
        for (size_t i = 0; i < n_fds; i++)
            close(fds[i]);
        return;
    }
    e->state = KEEPER_FOREIGN;
    e->is_orphan = true;
    entry_set_pid(&k->table, e, m->pid);
    e->started_wall_ns = m->started_wall_ns;
    e->start_ticks = process_start_ticks(k, m->pid);
    if (!take_fds(e, m, fds))
        log_error("not all of a process could be kept", KV("id", e->id),
                  KV("error", strerror(errno)));
}
