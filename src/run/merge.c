/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image's configuration under the user's, as Docker merges them. Pure.
 */
#include "merge.h"

#include <string.h>

#include "base/fd.h"
#include "base/map.h"

/* Both sides may have tens of thousands of entries: names are looked up, not compared. */
static struct map *names_of(struct arena *a, const struct strs *list, char end)
{
    struct map *names = map_create();

    for (size_t i = 0; i < list->n; i++)
        map_put(names, arena_strndup(a, list->v[i], strchrnul(list->v[i], end) - list->v[i]),
                list->v[i]);
    return names;
}

/* What of `from` has no namesake in `list`; a name ends at `end`, or with the text. */
static void add_missing(struct arena *a, struct strs *into, const struct strs *list,
                        const struct strs *from, char end)
{
    struct map *names;

    if (from->n == 0)
        return;
    names = names_of(a, list, end);
    for (size_t i = 0; i < from->n; i++) {
        const char *item = from->v[i];

        if (!map_get(names, arena_strndup(a, item, strchrnul(item, end) - item)))
            strs_add(a, into, item);
    }
    map_destroy(names);
}

/* The user's entries win. One without '=' removes the image's, and stays: at the start it removes a
 * default, too. */
static struct strs merge_env(struct arena *a, const struct strs *user, const struct strs *image)
{
    struct strs out = text_split(a, "", ','); /* present and empty */

    for (size_t i = 0; i < user->n; i++)
        strs_add(a, &out, user->v[i]);
    add_missing(a, &out, user, image, '=');
    return out;
}

static void merge_labels(struct arena *a, struct pairs *into, const struct pairs *image)
{
    struct map *names;

    if (image->n == 0)
        return;
    names = map_create();
    for (size_t i = 0; i < into->n; i++)
        map_put(names, into->v[i].key, into->v[i].key);
    for (size_t i = 0; i < image->n; i++)
        if (!map_get(names, image->v[i].key))
            pairs_add(a, into, image->v[i].key, image->v[i].value);
    map_destroy(names);
}

static void merge_set(struct arena *a, struct strs *into, const struct strs *from)
{
    const struct strs user = *into;

    add_missing(a, into, &user, from, '\0');
}

static void merge_command(struct config *c, const struct config *image)
{
    bool is_reset = c->entrypoint.n == 1 && c->entrypoint.v[0][0] == '\0';

    if (is_reset) {
        c->entrypoint = (struct strs){0};
        return; /* and the image's Cmd does not come back by itself */
    }
    if (c->entrypoint.n > 0)
        return; /* the user's entrypoint: the image's Cmd is not meant for it */
    if (c->cmd.n == 0)
        c->cmd = image->cmd;
    c->entrypoint = image->entrypoint;
}

/* A user's check without a test changes the image's times. */
static void merge_health(struct config *c, struct health_config *image)
{
    struct health_config *h = c->healthcheck;

    if (!h)
        c->healthcheck = image;
    if (!h || !image)
        return;
    if (h->test.n == 0)
        h->test = image->test;
    if (!h->interval_ns)
        h->interval_ns = image->interval_ns;
    if (!h->timeout_ns)
        h->timeout_ns = image->timeout_ns;
    if (!h->start_period_ns)
        h->start_period_ns = image->start_period_ns;
    if (!h->start_interval_ns)
        h->start_interval_ns = image->start_interval_ns;
    if (!h->retries)
        h->retries = image->retries;
}

void config_merge_image(struct arena *a, struct config *c, const struct config *image)
{
    merge_command(c, image);
    c->env = merge_env(a, &c->env, &image->env);
    merge_set(a, &c->exposed_ports, &image->exposed_ports);
    merge_set(a, &c->volumes, &image->volumes);
    if (!c->volumes.n) /* null for inspect, where clients send {} */
        c->volumes = (struct strs){0};
    merge_labels(a, &c->labels, &image->labels);
    if (text_is_empty(c->user))
        c->user = image->user;
    if (text_is_empty(c->working_dir))
        c->working_dir = image->working_dir;
    if (!text_is_empty(c->working_dir) && *c->working_dir == '/')
        c->working_dir = path_clean(a, c->working_dir);
    if (text_is_empty(c->stop_signal))
        c->stop_signal = image->stop_signal;
    if (!c->stop_timeout)
        c->stop_timeout = image->stop_timeout;
    if (c->shell.n == 0)
        c->shell = image->shell;
    merge_health(c, image->healthcheck);
    c->on_build = image->on_build;
}
