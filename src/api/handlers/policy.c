/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy file would be to this engine. Users and groups are looked up, so a worker reads it.
 * Loop thread. */
#include "runtime/policy.h"
#include "api/commands.h"

#include "api.h"

struct check {
    struct job job;
    struct request *request;
    struct policy *policy;
    struct err *err;
};

static void parse(struct job *job)
{
    struct check *c = container_of(job, struct check, job);

    c->err = policy_parse(c->request->body.data, c->request->body.len, &c->policy);
    if (!c->err)
        c->err = commands_check(c->policy);
}

static void on_parsed(struct job *job)
{
    struct check *c = container_of(job, struct check, job);
    struct request *r = c->request;
    struct buf b = {0};
    struct jw w = {.out = &b};

    if (c->err) /* before the answer, with which the check goes */
        policy_unref(steal_ptr(&c->policy));
    if (reply_failed(r, c->err))
        return;
    jw_obj(&w, NULL);
    jw_int(&w, "Rules", (int64_t)policy_count_rules(c->policy));
    jw_obj_end(&w);
    policy_unref(c->policy);
    reply_json(r, 200, &b);
}

void handle_policy_check(struct request *r)
{
    struct check *c;
    const char *body;
    size_t len;

    if (reply_failed(r, request_need_json(r, &body, &len)))
        return;
    c = arena_new(r->arena, struct check);
    c->request = r;
    c->job.run = parse;
    c->job.done = on_parsed;
    pool_submit(parts_of(r)->pools, POOL_DISK, &c->job);
}
