/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filters of `ps` and of prune: {"key":["v"]} or {"key":{"v":true}}, keys AND-ed,
 * values of a key OR-ed (label AND-ed). Loop thread.
 */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "container/container.h"
#include "container/doc.h"
#include "container/object.h"
#include "exec/health.h"
#include "image/image.h"
#include "place/port_spec.h"
#include "place/published.h"
#include "view/filters.h"
#include "view/view.h"

#define PATTERN_MAX 256

enum key {
    K_ANCESTOR,
    K_BEFORE,
    K_EXITED,
    K_EXPOSE,
    K_HEALTH,
    K_ID,
    K_IS_TASK,
    K_ISOLATION,
    K_LABEL,
    K_LABEL_NOT,
    K_NAME,
    K_NETWORK,
    K_PUBLISH,
    K_SINCE,
    K_STATUS,
    K_UNTIL,
    K_VOLUME,
    K_COUNT
};
static const char *const key_names[K_COUNT + 1] = {
    "ancestor", "before", "exited",  "expose",  "health", "id",     "is-task", "isolation", "label",
    "label!",   "name",   "network", "publish", "since",  "status", "until",   "volume",    NULL,
};

struct container_filter {
    struct container_table *table;
    struct strs values[K_COUNT];
    int64_t before_ns, since_ns, until_ns; /* 0: none */
};

/* A container that is named by "before" or "since" must be there; of several the last counts. */
static struct err *resolve_time(struct container_filter *f, enum key k, int64_t *out)
{
    struct container *c;

    for (size_t i = 0; i < f->values[k].n; i++) {
        TRY(container_find(f->table, f->values[k].v[i], &c));
        *out = c->doc.created_ns;
    }
    return NULL;
}

struct vocabulary { /* a key whose values are words from a list */
    enum key key;
    const char *const *words;
};

static struct err *check_words(const struct container_filter *f)
{
    static const char *const states[] = {"created",  "running", "paused", "restarting",
                                         "removing", "exited",  "dead",   NULL};
    static const char *const healths[] = {"none", "starting", "healthy", "unhealthy", NULL};
    static const char *const bools[] = {"0", "1", "false", "true", "False", "True", NULL};
    static const struct vocabulary all[] = {
        {K_STATUS, states}, {K_HEALTH, healths}, {K_IS_TASK, bools}};

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        const struct strs *values = &f->values[all[i].key];

        for (size_t k = 0; k < values->n; k++) {
            const char *const *w = all[i].words;

            while (*w && strcmp(*w, values->v[k]) != 0)
                w++;
            if (!*w)
                return err_new(ERR_INVALID, "invalid filter '%s=%s'", key_names[all[i].key],
                               values->v[k]);
        }
    }
    return NULL;
}

static struct err *check_ports(const struct strs *values)
{
    enum port_proto proto;
    int first, last;

    for (size_t i = 0; i < values->n; i++)
        TRY(port_spec_parse(values->v[i], &first, &last, &proto));
    return NULL;
}

/* A pattern is matched on the loop, and {1,255}{1,255}… would take it gigabytes. */
static struct err *check_patterns(const struct strs *values)
{
    for (size_t i = 0; i < values->n; i++)
        if (strlen(values->v[i]) > PATTERN_MAX || strchr(values->v[i], '{'))
            return err_new(ERR_INVALID,
                           "invalid filter 'name=%s': at most %d characters and no braces",
                           values->v[i], PATTERN_MAX);
    return NULL;
}

static struct err *check_until(struct container_filter *f)
{
    if (f->values[K_UNTIL].n > 1)
        return err_new(ERR_INVALID, "more than one until filter specified");
    for (size_t i = 0; i < f->values[K_UNTIL].n; i++) {
        const char *v = f->values[K_UNTIL].v[i];
        int64_t duration;

        if (clock_from_duration(v, &duration))
            f->until_ns = clock_wall_ns() - duration;
        else if (!clock_from_rfc3339(v, &f->until_ns) && !clock_from_unix(v, &f->until_ns))
            return err_new(ERR_INVALID, "invalid filter 'until=%s'", v);
    }
    return NULL;
}

static struct err *check_values(struct container_filter *f)
{
    int64_t n;

    for (size_t i = 0; i < f->values[K_EXITED].n; i++)
        if (!text_to_i64(f->values[K_EXITED].v[i], &n))
            return err_new(ERR_INVALID, "invalid filter 'exited=%s'", f->values[K_EXITED].v[i]);
    TRY(check_words(f));
    TRY(check_ports(&f->values[K_EXPOSE]));
    TRY(check_ports(&f->values[K_PUBLISH]));
    TRY(check_patterns(&f->values[K_NAME]));
    TRY(check_until(f));
    TRY(resolve_time(f, K_BEFORE, &f->before_ns));
    return resolve_time(f, K_SINCE, &f->since_ns);
}

struct err *container_filter_parse(struct container_table *t, struct arena *a, const char *json,
                                   struct container_filter **out)
{
    struct container_filter *f = arena_new(a, struct container_filter);
    struct filters given;

    ASSERT_LOOP();
    f->table = t;
    TRY(filters_parse(a, json, key_names, &given));
    for (int k = 0; k < K_COUNT; k++) {
        const struct strs *values = filters_get(&given, key_names[k]);

        if (values)
            f->values[k] = *values;
    }
    TRY(check_values(f));
    *out = f;
    return NULL;
}

/* Who asks for a status means stopped ones, too: listed without -a, as Docker does. */
bool container_filter_wants_all(const struct container_filter *f)
{
    return f->values[K_STATUS].n > 0 || f->values[K_EXITED].n > 0;
}

/* ---- matching: one predicate a key, for one value ---- */

/* Docker keeps names with a slash in front, so people write "^/web" as well as "^web". */
static bool matches_name(struct container *c, const char *v)
{
    char with_slash[132];
    regex_t re;
    bool is_match;

    snprintf(with_slash, sizeof(with_slash), "/%s", c->name);
    if (regcomp(&re, v, REG_EXTENDED | REG_NOSUB) != 0)
        return strstr(with_slash, v) != NULL;
    is_match = regexec(&re, c->name, 0, NULL, 0) == 0 || regexec(&re, with_slash, 0, NULL, 0) == 0;
    regfree(&re);
    return is_match;
}

/* By id: an image that has lost its name to a newer one is no match for that name any more. */
static bool matches_ancestor(struct container *c, const char *v)
{
    struct image *i = NULL;

    err_drop(image_find(c->parts->images, v, &i));
    return i && strcmp(image_id(i), c->doc.image_id) == 0;
}

static bool matches_network(struct container *c, const char *v)
{
    const struct endpoint_record *list = c->doc.networks.v;

    for (size_t i = 0; i < c->doc.networks.n; i++)
        if (strcmp(list[i].network, v) == 0 || text_starts(list[i].network_id, v))
            return true;
    return false;
}

static bool matches_volume(struct container *c, const char *v)
{
    const struct mount_point *m = c->doc.mounts.v;

    for (size_t i = 0; i < c->doc.mounts.n; i++)
        if (text_same(m[i].name, v) || strcmp(m[i].destination, v) == 0 ||
            text_same(m[i].source, v))
            return true;
    return false;
}

/* Specs that cannot be read were refused before. */
static bool spec_overlaps(const char *spec, const char *v)
{
    enum port_proto proto, wanted_proto;
    int first, last, lo, hi;
    struct err *err = port_spec_parse(spec, &first, &last, &proto);

    if (!err)
        err = port_spec_parse(v, &lo, &hi, &wanted_proto);
    if (err) {
        err_drop(err);
        return false;
    }
    return proto == wanted_proto && first <= hi && lo <= last;
}

/* The host's side of a binding: people ask for the port that they connect to. */
static bool is_bound(const struct jdict *bindings, size_t i, const char *v)
{
    const struct jlist *lists = bindings->v;
    const struct port_binding *b = lists[i].v;
    const char *proto = strchr(bindings->keys[i], '/');
    char spec[64];

    ASSERT(i < bindings->n);
    for (size_t k = 0; k < lists[i].n; k++) {
        snprintf(spec, sizeof(spec), "%s%s", b[k].host_port ? b[k].host_port : "",
                 proto ? proto : "");
        if (!text_is_empty(b[k].host_port) && spec_overlaps(spec, v))
            return true;
    }
    return false;
}

static bool span_overlaps(int port, int more, int proto, const char *v)
{
    char spec[24];

    ASSERT(more >= 0);
    snprintf(spec, sizeof(spec), "%d-%d/%s", port, port + more, published_proto(proto));
    return spec_overlaps(spec, v);
}

static bool matches_publish(struct container *c, const char *v)
{
    const struct jdict *bindings = &c->doc.host.port_bindings;
    const struct port_record *p = c->doc.published.v;

    for (size_t i = 0; i < bindings->n; i++)
        if (spec_overlaps(bindings->keys[i], v) || is_bound(bindings, i, v))
            return true;
    for (size_t i = 0; i < c->doc.published.n; i++) { /* those of -P, and what they got */
        int more = published_span(&p[i]) - 1;

        if (span_overlaps(p[i].port, more, p[i].proto, v) ||
            span_overlaps(p[i].host_port, more, p[i].proto, v))
            return true;
    }
    return false;
}

static bool matches_expose(struct container *c, const char *v)
{
    for (size_t i = 0; i < c->doc.config.exposed_ports.n; i++)
        if (spec_overlaps(c->doc.config.exposed_ports.v[i], v))
            return true;
    return false;
}

static bool matches_one(struct container *c, enum key k, const char *v)
{
    int64_t n = 0;

    switch (k) {
    case K_ANCESTOR:
        return matches_ancestor(c, v);
    case K_EXITED:
        return c->doc.state.status == STATUS_EXITED && text_to_i64(v, &n) &&
               n == c->doc.state.exit_code;
    case K_EXPOSE:
        return matches_expose(c, v);
    case K_HEALTH:
        return strcmp(health_name(c), v) == 0;
    case K_ID:
        return text_starts(c->doc.id, v);
    case K_IS_TASK:
        return !text_is_true(v);
    case K_ISOLATION:
        return strcmp(v, "default") == 0;
    case K_NAME:
        return matches_name(c, v);
    case K_NETWORK:
        return matches_network(c, v);
    case K_PUBLISH:
        return matches_publish(c, v);
    case K_STATUS:
        return strcmp(status_name(c), v) == 0;
    case K_VOLUME:
        return matches_volume(c, v);
    default:
        return true; /* before, since, until: resolved to times; labels: all at once */
    }
}

static bool matches_key(struct container *c, const struct container_filter *f, enum key k)
{
    const struct strs *values = &f->values[k];

    if (k == K_LABEL)
        return pairs_match_all(&c->doc.config.labels, values);
    if (k == K_LABEL_NOT)
        return !pairs_match_any(&c->doc.config.labels, values);
    for (size_t i = 0; i < values->n; i++)
        if (matches_one(c, k, values->v[i]))
            return true;
    return values->n == 0;
}

/* Times first, since they are cheap; a pattern is compiled for each container. */
bool container_matches(struct container *c, const struct container_filter *f)
{
    ASSERT_LOOP();
    ASSERT(f->table == c->table);
    if ((f->before_ns && c->doc.created_ns >= f->before_ns) ||
        (f->since_ns && c->doc.created_ns <= f->since_ns) ||
        (f->until_ns && c->doc.created_ns >= f->until_ns))
        return false;
    for (int k = 0; k < K_COUNT; k++)
        if (!matches_key(c, f, (enum key)k))
            return false;
    return true;
}
