/* SPDX-License-Identifier: Apache-2.0 */
/* See policy_reload.h. Of several that are under way at once the last one asked for counts: the
 * pool's threads may end in another order, so there is one at a time. */
#include "policy_reload.h"

#include "api/commands.h"
#include "base/log.h"
#include "container/parts.h"
#include "core/loop.h"
#include "core/settings.h"
#include "runtime/policy.h"

struct reload {
    struct job job;
    struct parts *parts;
    const char *path;
    struct policy *policy;
    struct err *err;
};

static void read_policy(struct job *job)
{
    struct reload *r = container_of(job, struct reload, job);

    r->err = policy_read(r->path, &r->policy);
    if (!r->err)
        r->err = commands_check(r->policy);
}

static void submit(struct parts *p);

static void on_read(struct job *job)
{
    struct reload *r = container_of(job, struct reload, job);
    struct parts *p = r->parts;

    if (r->err) {
        log_error("the policy stays as it was", KV("error", err_text(r->err)));
        err_drop(r->err);
        policy_unref(r->policy);
    } else {
        policy_unref(p->policy);
        p->policy = r->policy;
        log_info("the policy was read", KV("file", r->path),
                 KV_INT("rules", (int64_t)policy_count_rules(p->policy)));
    }
    free(r);
    p->policy_reloads--;
    if (p->policy_reloads > 0) {
        p->policy_reloads = 0;
        submit(p);
    }
}

static void submit(struct parts *p)
{
    struct reload *r;

    if (p->policy_reloads++ > 0)
        return;
    r = mem_new(struct reload);
    r->parts = p;
    r->path = p->settings->policy;
    r->job.run = read_policy;
    r->job.done = on_read;
    pool_submit(p->pools, POOL_DISK, &r->job);
}

void policy_reload(struct parts *p)
{
    ASSERT_LOOP();
    if (!text_is_empty(p->settings->policy))
        submit(p);
}
