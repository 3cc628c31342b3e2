/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging by a policy. Every rule that is for the caller counts: what one denies no other allows.
 * Of a list in `allow` everything of its kind must be in it; of an image one name is enough, since
 * all of them are the same image. Pure, any thread, but for policy_case_sources.
 */
#include "runtime/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "runtime/config.h"

#include "caps.h"
#include "policy_rules.h"

const struct policy_kind_row policy_kinds[POLICY_KINDS] = {
    [POLICY_CAPABILITIES] = {"capabilities", "the capability", true},
    [POLICY_COMMANDS] = {"commands", "the command", false},
    [POLICY_DEVICES] = {"devices", "the device", true},
    [POLICY_IMAGES] = {"images", "the image", true},
    [POLICY_MOUNTS] = {"mounts", "the mount of", true},
    [POLICY_NETWORKS] = {"networks", "the network", true},
    [POLICY_RISKS] = {"risks", "the risk", false},
    [POLICY_USERNS] = {"userns", "the user namespace", true},
};

static struct policy *policy_ref(struct policy *p)
{
    if (p)
        p->refs++;
    return p;
}

void policy_unref(struct policy *p)
{
    if (p && --p->refs == 0)
        arena_destroy(p->arena);
}

size_t policy_count_rules(const struct policy *p)
{
    return p->n_rules;
}

/* ---- who ---- */

static bool is_in_group(const struct policy_user *u, const struct policy_caller *who)
{
    if (who->gid >= u->from && who->gid <= u->to)
        return true;
    for (size_t i = 0; i < who->n_groups; i++)
        if (who->groups[i] >= u->from && who->groups[i] <= u->to)
            return true;
    return false;
}

static bool is_one_of(const struct policy_users *users, const struct policy_caller *who)
{
    for (size_t i = 0; i < users->n; i++) {
        const struct policy_user *u = &users->v[i];

        if (u->is_group ? is_in_group(u, who) : who->uid >= u->from && who->uid <= u->to)
            return true;
    }
    return false;
}

static bool is_for(const struct policy_rule *r, const struct policy_caller *who)
{
    return (!r->users.v || is_one_of(&r->users, who)) && !is_one_of(&r->except, who);
}

bool policy_applies(const struct policy *p, const struct policy_caller *who)
{
    for (size_t i = 0; p && i < p->n_rules; i++)
        if (is_for(&p->rules[i], who))
            return true;
    return false;
}

/* ---- what ---- */

static bool is_at_or_below(const char *path, const char *tree)
{
    size_t n = strcmp(tree, "/") == 0 ? 0 : strlen(tree);

    return strncmp(path, tree, n) == 0 && (path[n] == '/' || !path[n]);
}

/* "registry/team/ **" is everything below; a pattern without a tag is for every tag. */
static bool matches_image(const char *pattern, const char *image)
{
    size_t n = strlen(pattern);
    const char *slash = strrchr(pattern, '/'), *colon;
    char name[512];

    if (n >= 2 && strcmp(pattern + n - 2, "**") == 0)
        return strncmp(pattern, image, n - 2) == 0;
    if (text_glob(pattern, image))
        return true;
    if (strpbrk(slash ? slash : pattern, ":@"))
        return false;
    slash = strrchr(image, '/');
    colon = strpbrk(slash ? slash : image, ":@");
    n = colon ? (size_t)(colon - image) : strlen(image);
    if (n >= sizeof(name))
        return false;
    memcpy(name, image, n);
    name[n] = '\0';
    return text_glob(pattern, name);
}

static bool meets_any(const char *pattern, const struct strs *items)
{
    for (size_t i = 0; i < items->n; i++)
        if (text_glob(pattern, items->v[i]))
            return true;
    return false;
}

const char *policy_find_unknown_command(const struct policy *p, const struct strs *known)
{
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct strs *denied = &p->rules[i].deny.lists[POLICY_COMMANDS];

        for (size_t k = 0; k < denied->n; k++)
            if (!meets_any(denied->v[k], known))
                return denied->v[k];
    }
    return NULL;
}

/* A folder above what is denied shows it as well. */
static bool denies(enum policy_kind kind, const char *pattern, const char *item)
{
    switch (kind) {
    case POLICY_MOUNTS:
        return is_at_or_below(item, pattern) || is_at_or_below(pattern, item);
    case POLICY_DEVICES:
        return is_at_or_below(item, pattern);
    case POLICY_IMAGES:
        return matches_image(pattern, item);
    default:
        return text_glob(pattern, item);
    }
}

static bool allows(enum policy_kind kind, const char *pattern, const char *item)
{
    if (kind == POLICY_MOUNTS || kind == POLICY_DEVICES)
        return is_at_or_below(item, pattern);
    return denies(kind, pattern, item);
}

/* The first item that a pattern of the list meets; NULL: none. */
static const char *find_denied(enum policy_kind kind, const struct strs *list,
                               const struct strs *items)
{
    for (size_t i = 0; i < items->n; i++)
        for (size_t k = 0; k < list->n; k++)
            if (denies(kind, list->v[k], items->v[i]))
                return items->v[i];
    return NULL;
}

/* The first item that no pattern of the list meets; NULL: none. */
static const char *find_not_allowed(enum policy_kind kind, const struct strs *list,
                                    const struct strs *items)
{
    const char *not_allowed = NULL;

    for (size_t i = 0; i < items->n; i++) {
        bool is_allowed = false;

        for (size_t k = 0; k < list->n && !is_allowed; k++)
            is_allowed = allows(kind, list->v[k], items->v[i]);
        if (is_allowed && kind == POLICY_IMAGES)
            return NULL;
        if (!is_allowed && !not_allowed)
            not_allowed = items->v[i];
    }
    return not_allowed;
}

static struct err *forbid(const struct policy_rule *r, enum policy_kind kind, const char *item,
                          bool is_denied)
{
    return err_new(ERR_FORBIDDEN, "the policy's rule \"%s\" %s %s %s", r->name,
                   is_denied ? "forbids" : "does not allow", policy_kinds[kind].subject, item);
}

static struct err *check_capabilities(const struct policy_rule *r, uint64_t has)
{
    uint64_t denied = has & r->deny.capabilities;
    uint64_t other =
        r->allow.has[POLICY_CAPABILITIES] ? has & ~caps_default() & ~r->allow.capabilities : 0;

    for (int i = 0; i < CAPS_COUNT; i++)
        if ((denied | other) & CAPS_BIT(i))
            return forbid(r, POLICY_CAPABILITIES, caps_name(i), (denied & CAPS_BIT(i)) != 0);
    return NULL;
}

static struct err *check_risks(const struct policy_rule *r, struct arena *a,
                               const struct risk_findings *found)
{
    const struct policy_clause *deny = &r->deny;

    for (size_t i = 0; found && i < found->n; i++) {
        const struct risk_finding *f = &found->v[i];
        bool is_severe =
            deny->severity != RISK_NOTE && !f->is_default && f->risk->severity >= deny->severity;

        if (is_severe || strs_has(&deny->lists[POLICY_RISKS], f->risk->name))
            return err_new(ERR_FORBIDDEN, "the policy's rule \"%s\" forbids the risk %s: %s",
                           r->name, f->risk->name, risk_sentence(a, f));
    }
    return NULL;
}

static struct err *check_rule(const struct policy_rule *r, struct arena *a,
                              const struct policy_case *c)
{
    TRY(check_risks(r, a, c->risks));
    TRY(check_capabilities(r, c->capabilities));
    for (size_t k = 0; k < POLICY_KINDS; k++) {
        enum policy_kind kind = (enum policy_kind)k;
        const char *item = find_denied(kind, &r->deny.lists[k], &c->items[k]);

        if (item)
            return forbid(r, kind, item, true);
        item = r->allow.has[k] ? find_not_allowed(kind, &r->allow.lists[k], &c->items[k]) : NULL;
        if (item)
            return forbid(r, kind, item, false);
    }
    return NULL;
}

struct err *policy_check(const struct policy *p, const struct policy_caller *who, struct arena *a,
                         const struct policy_case *c)
{
    for (size_t i = 0; p && i < p->n_rules; i++)
        if (is_for(&p->rules[i], who))
            TRY(check_rule(&p->rules[i], a, c));
    return NULL;
}

struct permit permit_copy(struct arena *a, const struct permit *p)
{
    struct permit copy = *p;

    policy_ref(copy.policy);
    copy.who.groups = arena_memdup(a, p->who.groups, p->who.n_groups * sizeof(gid_t));
    return copy;
}

/* ---- cases ---- */

/* What gives devices without a path can be on no list of paths: only a rule without one allows
 * it. */
static void add_devices(struct arena *a, const struct host_config *h, bool is_resolved,
                        struct strs *out)
{
    const struct device_mapping *m = h->devices.v;

    for (size_t i = 0; i < h->devices.n; i++) {
        const char *path = m[i].host ? m[i].host : "";
        char *real = is_resolved ? realpath(path, NULL) : NULL;

        strs_add(a, out, *path == '/' ? path_clean(a, path) : path);
        if (real)
            strs_add(a, out, real);
        free(real);
    }
    for (size_t i = 0; i < h->device_cgroup_rules.n; i++)
        strs_add(a, out, arena_printf(a, "rule \"%s\"", h->device_cgroup_rules.v[i]));
    if (h->device_requests.n)
        strs_add(a, out, "request (--gpus)");
    if (h->privileged)
        strs_add(a, out, "access of --privileged");
}

void policy_case_config(struct arena *a, const struct host_config *h, struct policy_case *out)
{
    const struct caps_request caps = {&h->cap_add, &h->cap_drop, h->privileged, caps_known()};
    const char *userns = text_is_empty(h->userns_mode) ? "default" : h->userns_mode;

    err_drop(caps_plan(a, &caps, &out->capabilities)); /* sandbox_check has judged it */
    add_devices(a, h, false, &out->items[POLICY_DEVICES]);
    strs_add(a, &out->items[POLICY_USERNS], userns);
}

void policy_case_exec(const struct exec_config *x, struct policy_case *out)
{
    out->capabilities = x->privileged ? caps_known() : 0;
}

void policy_case_sources(struct arena *a, const struct risk_sources *sources,
                         const struct host_config *h, struct policy_case *out)
{
    for (size_t i = 0; i < sources->n; i++) {
        const struct risk_source *s = &sources->v[i];

        if (s->is_own && text_same(s->path, s->real))
            continue;
        strs_add(a, &out->items[POLICY_MOUNTS], path_clean(a, s->path));
        strs_add(a, &out->items[POLICY_MOUNTS], s->real);
    }
    for (size_t i = 0; i < sources->devices_real.n; i++)
        strs_add(a, &out->items[POLICY_DEVICES], sources->devices_real.v[i]);
    if (h)
        add_devices(a, h, true, &out->items[POLICY_DEVICES]);
}
