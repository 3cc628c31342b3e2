/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a connection waits for its client. Loop thread. What the client owes follows from the
 * state of the connection: the rest of a head, the rest of a body, to take the answer that is
 * complete, or nothing. While the engine owes something (an answer, a followed log, a hijacked
 * stream) there is no end: a long poll is never cut.
 *
 * What a newcomer would get wrong: a head and a usual body have one deadline from their beginning,
 * which single bytes do not move; a body that is streamed into a pipe and an answer have a new one
 * with each part.
 */
#include "conn_inner.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

static const struct {
    int ms;
    bool moves; /* with each part */
    const char *what;
} limits[] = {
    [OWES_NOTHING] = {0},
    [OWES_REQUEST] = {900000, false, "the next request"}, /* an idle connection */
    [OWES_HEAD] = {30000, false, "the rest of a request's head"},
    [OWES_BODY] = {120000, false, "the rest of a request's body"},
    [OWES_STREAM] = {300000, true, "more of a streamed body"},
    [OWES_READING] = {120000, true, "somebody to read the answer"},
};

/* For tests: all of them. */
int patience_of_env(void)
{
    const char *env = getenv("BERTH_PATIENCE_MS");
    uint32_t ms = 0;

    return env && text_to_u32(env, &ms) && ms < INT32_MAX ? (int)ms : 0;
}

static int limit_ms(const struct conn *c, enum owed owed)
{
    return c->front->patience_ms ? c->front->patience_ms : limits[owed].ms;
}

static enum owed owed_by(const struct conn *c)
{
    if (c->is_closed || c->is_broken)
        return OWES_NOTHING;
    if (c->phase == PHASE_BODY)
        return !c->body ? OWES_BODY : body_is_full(c->body) ? OWES_NOTHING : OWES_STREAM;
    if (c->phase != PHASE_HEAD)
        return OWES_NOTHING;
    if (c->out.bytes > 0)
        return OWES_READING;
    return c->request || conn_unparsed(c) > 0 ? OWES_HEAD : OWES_REQUEST;
}

static void on_end(struct timer *t)
{
    struct conn *c = container_of(t, struct conn, patience);

    log_info("a client is given up", KV("waited_for", limits[c->owed].what), KV_INT("uid", c->uid),
             KV_INT("pid", c->pid));
    conn_give_up(c);
}

void patience_renew(struct conn *c)
{
    enum owed owed = owed_by(c);

    if (owed == OWES_NOTHING)
        timer_clear(c->front->loop, &c->patience);
    else if (owed != c->owed || limits[owed].moves)
        timer_set(c->front->loop, &c->patience, limit_ms(c, owed), on_end);
    c->owed = owed;
}

void patience_finish(struct conn *c)
{
    timer_clear(c->front->loop, &c->patience);
}
