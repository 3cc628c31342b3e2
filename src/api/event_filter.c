/* SPDX-License-Identifier: Apache-2.0 */
/* Matching follows moby's daemon/events/filter: an object's filter names id or name. Pure. */
#include "event_filter.h"

#include <string.h>

#include "base/clock.h"

static const char *const known[] = {"container", "daemon", "event",  "image",  "label",
                                    "network",   "node",   "plugin", "secret", "service",
                                    "config",    "type",   "volume", "scope",  NULL};

struct err *event_filters_parse(struct arena *a, const char *json, struct filters *out)
{
    return filters_parse(a, json, known, out);
}

static const char *attribute(const struct event *e, const char *key)
{
    const char *value = pairs_get(&e->attrs, key);

    return value ? value : "";
}

/* "exec_create: ls" is an exec_create. */
static bool has_action(const struct strs *wanted, const char *action)
{
    size_t n = strcspn(action, ":");

    for (size_t i = 0; i < wanted->n; i++)
        if (!strcmp(wanted->v[i], action) ||
            (strlen(wanted->v[i]) == n && !memcmp(wanted->v[i], action, n)))
            return true;
    return false;
}

/* By prefix. */
static bool names_object(const struct strs *wanted, const struct event *e)
{
    for (size_t i = 0; i < wanted->n; i++)
        if (text_starts(e->id, wanted->v[i]) || text_starts(attribute(e, "name"), wanted->v[i]))
            return true;
    return false;
}

/* "busybox" names every tag of it; the image of a container counts. */
static bool names_image(const struct strs *wanted, const struct event *e)
{
    bool is_container = !strcmp(e->type, "container");
    const char *name = attribute(e, is_container ? "image" : "name");
    const char *slash = strrchr(name, '/'), *colon = strchr(slash ? slash : name, ':');
    size_t n = colon ? (size_t)(colon - name) : strlen(name);

    if (!is_container && strcmp(e->type, "image") != 0)
        return false;
    for (size_t i = 0; i < wanted->n; i++)
        if (!strcmp(wanted->v[i], name) ||
            (strlen(wanted->v[i]) == n && !memcmp(wanted->v[i], name, n)) ||
            (!is_container && !strcmp(wanted->v[i], e->id)))
            return true;
    return false;
}

bool event_matches(const struct event *e, const struct filters *f)
{
    static const char *const objects[] = {"container", "daemon",  "network", "volume", "node",
                                          "plugin",    "service", "secret",  "config"};
    const struct strs *actions = filters_get(f, "event"), *images = filters_get(f, "image");

    if (!strcmp(e->type, EVENT_COMMAND) && !filters_get(f, "type"))
        return false;
    if (actions && !has_action(actions, e->action))
        return false;
    if (!filters_has(f, "type", e->type) || !filters_has(f, "scope", "local"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        const struct strs *wanted = filters_get(f, objects[i]);

        if (wanted && strs_has(wanted, "")) /* a script's variable without a value */
            continue;
        if (wanted && (strcmp(e->type, objects[i]) != 0 || !names_object(wanted, e)))
            return false;
    }
    return (!images || names_image(images, e)) && filters_match_labels(f, &e->attrs);
}

static void write_legacy(const struct event *e, struct jw *w)
{
    bool is_container = !strcmp(e->type, "container");

    if (!is_container && strcmp(e->type, "image") != 0)
        return;
    jw_str(w, "status", e->action);
    jw_str(w, "id", e->id);
    if (is_container)
        jw_str(w, "from", attribute(e, "image"));
}

void event_write(const struct event *e, struct jw *w, int api_version)
{
    jw_obj(w, NULL);
    if (api_version < 152)
        write_legacy(e, w);
    jw_str(w, "Type", e->type);
    jw_str(w, "Action", e->action);
    jw_obj(w, "Actor");
    jw_str(w, "ID", e->id);
    jw_pairs(w, "Attributes", &e->attrs);
    jw_obj_end(w);
    jw_str(w, "scope", "local");
    jw_int(w, "time", e->wall_ns / NS_PER_S);
    jw_int(w, "timeNano", e->wall_ns);
    jw_int(w, "seq", (int64_t)e->seq); /* ours */
    jw_obj_end(w);
}
