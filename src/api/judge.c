/* SPDX-License-Identifier: Apache-2.0 */
/* See judge.h. What is judged on the way through an operation (create) is judged there. */
#include "judge.h"

#include "container/object.h"
#include "image/image.h"
#include "place/networks.h"
#include "run/mounts.h"
#include "view/view.h"

#include "command.h"

struct permit *permit_of_request(struct request *r)
{
    struct policy *policy = parts_of(r)->policy;
    struct permit *p;

    if (!policy)
        return NULL;
    p = arena_new(r->arena, struct permit);
    p->policy = policy;
    if (r->conn && !r->groups) /* one who leaves meanwhile is still who he was */
        conn_groups(r->conn, r->arena, &r->groups, &r->n_groups);
    p->who = (struct policy_caller){
        .uid = r->uid, .gid = r->gid, .groups = r->groups, .n_groups = r->n_groups};
    return policy_applies(policy, &p->who) ? p : NULL;
}

struct err *judge_case(struct request *r, const struct policy_case *c)
{
    struct permit *p = permit_of_request(r);

    return p ? policy_check(p->policy, &p->who, r->arena, c) : NULL;
}

struct err *judge_command(struct request *r)
{
    struct policy_case c = {0};

    if (r->match.route->flags & ROUTE_MUTATES)
        trail_begin(r);
    if (!parts_of(r)->policy)
        return NULL;
    strs_add(r->arena, &c.items[POLICY_COMMANDS], command_of_request(r->arena, r));
    return judge_case(r, &c);
}

/* ---- what needs a look at the host's files ---- */

struct judgement {
    struct request *request;
    struct permit permit;
    const char *id; /* of the container; NULL: none */
    judged_fn go_on;
    judged_sources_fn go_on_sources;
};

static void add_container(struct arena *a, struct container *c, struct policy_case *out)
{
    struct strs *images = &out->items[POLICY_IMAGES];

    policy_case_config(a, &c->doc.host, out);
    out->items[POLICY_NETWORKS] = networks_names(c->table, a, &c->doc.networks, &c->doc.host);
    if (c->image)
        *images = strs_copy(a, image_tags(c->image));
    strs_add(a, images, c->doc.image_name ? c->doc.image_name : "");
    strs_add(a, images, c->doc.image_id ? c->doc.image_id : "");
}

/* Each by itself: of one image any name is enough. */
static struct err *judge_mounted_images(struct judgement *j, const struct container *c)
{
    struct arena *a = j->request->arena;

    for (size_t i = 0; i < c->doc.mounts.n; i++) {
        struct policy_case judged = {0};

        judged.items[POLICY_IMAGES] = mounts_image_names(c->parts, a, &c->doc.mounts, i);
        TRY(policy_check(j->permit.policy, &j->permit.who, a, &judged));
    }
    return NULL;
}

static struct err *judge(struct judgement *j, struct container *c,
                         const struct risk_findings *found, const struct risk_sources *sources)
{
    struct arena *a = j->request->arena;
    struct policy_case judged = {.risks = found};

    if (c) {
        TRY(judge_mounted_images(j, c));
        add_container(a, c, &judged);
    }
    policy_case_sources(a, sources, NULL, &judged);
    return policy_check(j->permit.policy, &j->permit.who, a, &judged);
}

static void on_looked(void *ctx, struct err *err, const struct risk_findings *found,
                      const struct risk_sources *sources)
{
    struct judgement *j = ctx;
    struct request *r = j->request;
    struct container *c = NULL;

    if (!err && j->id)
        err = container_find(parts_of(r)->containers, j->id, &c);
    if (!err)
        err = judge(j, c, found, sources);
    policy_unref(j->permit.policy);
    if (err)
        reply_err(r, err);
    else if (j->id)
        j->go_on(r, c);
    else
        j->go_on_sources(r);
}

/* NULL: nothing is to be judged. */
static struct judgement *judgement_begin(struct request *r)
{
    struct permit *p = permit_of_request(r);
    struct judgement *j;

    if (!p)
        return NULL;
    j = arena_new(r->arena, struct judgement);
    j->request = r;
    j->permit = permit_copy(r->arena, p);
    return j;
}

void judge_container(struct request *r, struct container *c, judged_fn go_on)
{
    struct judgement *j = judgement_begin(r);

    if (!j) {
        go_on(r, c);
        return;
    }
    j->id = arena_strdup(r->arena, c->doc.id);
    j->go_on = go_on;
    container_risks(c, on_looked, j);
}

void judge_sources(struct request *r, const struct risk_sources *sources, judged_sources_fn go_on)
{
    struct judgement *j = judgement_begin(r);

    if (!j) {
        go_on(r);
        return;
    }
    j->go_on_sources = go_on;
    sources_risks(parts_of(r), sources, on_looked, j);
}
