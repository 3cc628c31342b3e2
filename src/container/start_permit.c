/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Permits to start. A start that is prepared and not yet cloned holds some twenty
 * descriptors (cgroups, mounts, a network namespace): hundreds of them at once would take
 * the descriptors that connections and running containers need. So few are between prepare
 * and spawn at a time; more would not make anything faster, the keeper clones one by one.
 * Loop thread.
 */
#include "container/start_permit.h"

#include <sys/resource.h>

#include "base/fd.h"
#include "container/container_table.h"
#include "core/loop.h"
#include "core/op.h"

#define START_PERMITS 48
#define FDS_OF_PERMITS (START_PERMITS * 28)
#define FDS_OF_CONTAINER 5 /* pidfd, streams; the resolver's two */

static bool has_fds(void)
{
    struct rlimit limit;
    int used = fd_lowest_free();

    return getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
           (rlim_t)used + FDS_OF_PERMITS / 2 + FDS_OF_CONTAINER < limit.rlim_cur;
}

struct err *start_permit_take(struct container_table *t, struct start_permit *permit, struct op *op)
{
    ASSERT_LOOP();
    if (!has_fds())
        return err_new(ERR_UNAVAILABLE, "no file descriptors are left for another container: stop "
                                        "some, or raise the engine's limit (LimitNOFILE)");
    if (t->n_permits == START_PERMITS) {
        ticket_queue_ranked(op_wait(op), &t->permits_waiting, permit);
        return NULL;
    }
    t->n_permits++;
    permit->is_taken = true;
    return NULL;
}

void start_permit_release(struct container_table *t, struct start_permit *permit)
{
    struct ticket *next;

    if (!permit->is_taken)
        return;
    permit->is_taken = false;
    next = ticket_next_ranked(&t->permits_waiting);
    if (!next) {
        t->n_permits--;
        return;
    }
    ((struct start_permit *)ticket_ctx(next))->is_taken = true;
    ticket_answer(next, NULL);
}
