/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image's configuration under the user's, as Docker merges them. Pure.
 */
#include "merge.h"

#include <string.h>

static const char *env_name_end(const char *entry)
{
    const char *eq = strchr(entry, '=');

    return eq ? eq : entry + strlen(entry);
}

static bool env_has(const struct strs *env, const char *entry)
{
    size_t n = (size_t)(env_name_end(entry) - entry);

    for (size_t i = 0; i < env->n; i++)
        if ((size_t)(env_name_end(env->v[i]) - env->v[i]) == n && strncmp(env->v[i], entry, n) == 0)
            return true;
    return false;
}

/* The user's entries win; one without '=' removes the image's. Image entries come first. */
static struct strs merge_env(struct arena *a, const struct strs *user, const struct strs *image)
{
    struct strs out = text_split(a, "", ','); /* present and empty */

    for (size_t i = 0; i < user->n; i++)
        if (strchr(user->v[i], '='))
            strs_add(a, &out, user->v[i]);
    for (size_t i = 0; i < image->n; i++)
        if (!env_has(user, image->v[i]))
            strs_add(a, &out, image->v[i]);
    return out;
}

static void merge_set(struct arena *a, struct strs *into, const struct strs *from)
{
    for (size_t i = 0; i < from->n; i++)
        if (!strs_has(into, from->v[i]))
            strs_add(a, into, from->v[i]);
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
    for (size_t i = 0; i < image->labels.n; i++)
        if (!pairs_get(&c->labels, image->labels.v[i].key))
            pairs_set(a, &c->labels, image->labels.v[i].key, image->labels.v[i].value);
    if (text_is_empty(c->user))
        c->user = image->user;
    if (text_is_empty(c->working_dir))
        c->working_dir = image->working_dir;
    if (text_is_empty(c->stop_signal))
        c->stop_signal = image->stop_signal;
    if (!c->stop_timeout)
        c->stop_timeout = image->stop_timeout;
    if (c->shell.n == 0)
        c->shell = image->shell;
    merge_health(c, image->healthcheck);
    c->on_build = image->on_build;
}
