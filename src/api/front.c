/* SPDX-License-Identifier: Apache-2.0 */
/* All connections of a server: the first, and the longest idle, which goes when there is need.
 * Loop thread. */
#include "conn_inner.h"

#include <sys/ioctl.h>

#include "base/clock.h"

void front_init(struct front *f)
{
    list_init(&f->conns);
    f->patience_ms = patience_of_env();
}

struct conn *front_first(const struct front *f)
{
    return list_first(&f->conns, struct conn, link);
}

/* Nothing of a request has come. What lies unread in the socket counts as come: closing then
 * would lose a command. */
static bool is_idle(const struct conn *c)
{
    int unread = 0;

    ASSERT(c->fd >= 0);
    return c->phase == PHASE_HEAD && c->out.bytes == 0 && !c->request && conn_unparsed(c) == 0 &&
           ioctl(c->fd, FIONREAD, &unread) == 0 && unread == 0;
}

/* The list is in the order in which connections became idle, so the first that is younger ends the
 * search. */
bool front_close_idle(struct front *f, int min_ms)
{
    int64_t limit_ns = clock_boot_ns() - min_ms * NS_PER_MS;

    list_each (c, &f->conns, struct conn, link) {
        if (c->phase == PHASE_HEAD && c->idle_since_ns > limit_ns)
            return false; /* those after it are younger */
        if (is_idle(c)) {
            conn_close(c);
            return true;
        }
    }
    return false;
}
