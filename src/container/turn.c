/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns of starts. A start that is prepared and not yet cloned holds some twenty
 * descriptors (cgroups, mounts, a network namespace): hundreds of them at once would take
 * the descriptors that connections and running containers need. So few are between prepare
 * and spawn at a time; more would not make anything faster, the keeper clones one by one.
 * Loop thread.
 */
#include "container/turn.h"

#include <sys/resource.h>

#include "base/fd.h"
#include "container/table.h"
#include "core/loop.h"
#include "core/op.h"

#define TURNS 48
#define FDS_OF_TURNS (TURNS * 28)
#define FDS_OF_CONTAINER 5 /* pidfd, streams; the resolver's two */

static bool has_fds(void)
{
    struct rlimit limit;
    int used = fd_lowest_free();

    return getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
           (rlim_t)used + FDS_OF_TURNS / 2 + FDS_OF_CONTAINER < limit.rlim_cur;
}

struct err *turn_take(struct container_table *t, struct turn *turn, struct op *op)
{
    ASSERT_LOOP();
    if (!has_fds())
        return err_new(ERR_UNAVAILABLE, "no file descriptors are left for another container: stop "
                                        "some, or raise the engine's limit (LimitNOFILE)");
    if (t->n_turns == TURNS) {
        ticket_queue(op_wait(op), &t->turns_waiting, turn);
        return NULL;
    }
    t->n_turns++;
    turn->is_taken = true;
    return NULL;
}

void turn_end(struct container_table *t, struct turn *turn)
{
    struct ticket *next;

    if (!turn->is_taken)
        return;
    turn->is_taken = false;
    next = ticket_next(&t->turns_waiting);
    if (!next) {
        t->n_turns--;
        return;
    }
    ((struct turn *)ticket_ctx(next))->is_taken = true;
    ticket_answer(next, NULL);
}
