/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of the wild: ports that are none, volumes without a slash, signals that nobody knows.
 * Whoever runs one cannot mend it, and Docker runs it: a user's configuration is refused for the
 * same. What is left out is said. Pure.
 */
#include "image_config.h"

#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "container/process.h"
#include "place/port_spec.h"

#define LINES_MAX 32

static void say(struct arena *a, struct strs *warnings, const char *what, const char *value,
                const char *then)
{
    if (warnings->n >= LINES_MAX) /* the image decides how many there are */
        return;
    strs_add(a, warnings,
             arena_printf(a, "the image's %s \"%.100s\" is none: %s", what, value, then));
}

/* "80/TCP" is 80/tcp. */
static void mend_ports(struct arena *a, struct config *image, struct strs *warnings)
{
    struct strs good = {0};

    for (size_t i = 0; i < image->exposed_ports.n; i++) {
        char *port = arena_strdup(a, image->exposed_ports.v[i]);
        enum port_proto proto;
        int first, last;
        struct err *err;

        text_lower(port);
        err = port_spec_parse(port, &first, &last, &proto);
        if (err)
            say(a, warnings, "port", image->exposed_ports.v[i], "it is not exposed");
        else
            strs_add(a, &good, port);
        err_drop(err);
    }
    image->exposed_ports = good;
}

static void mend_volumes(struct arena *a, struct config *image, struct strs *warnings)
{
    struct strs good = {0};

    for (size_t i = 0; i < image->volumes.n; i++) {
        char *path = path_clean(a, arena_printf(a, "/%s", image->volumes.v[i]));

        if (strcmp(path, "/") == 0)
            say(a, warnings, "volume", image->volumes.v[i], "it is not made");
        else
            strs_add(a, &good, image->volumes.v[i][0] == '/' ? image->volumes.v[i] : path);
    }
    image->volumes = good;
}

static void mend_env(struct arena *a, struct config *image)
{
    struct strs good = {0};

    for (size_t i = 0; i < image->env.n; i++)
        if (image->env.v[i][0] && image->env.v[i][0] != '=')
            strs_add(a, &good, image->env.v[i]);
    image->env = good;
}

static void mend_signal(struct arena *a, struct config *image, struct strs *warnings)
{
    struct err *err;
    int number;

    if (text_is_empty(image->stop_signal))
        return;
    err = signal_parse(image->stop_signal, &number);
    if (err) {
        say(a, warnings, "stop signal", image->stop_signal, "SIGTERM is sent");
        image->stop_signal = NULL;
    }
    err_drop(err);
}

/* A time below the least is the default's. */
static void mend_health(struct config *image)
{
    struct health_config *h = image->healthcheck;
    int64_t *const times[] = {&h->interval_ns, &h->timeout_ns, &h->start_period_ns,
                              &h->start_interval_ns};

    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        if (*times[i] < NS_PER_MS)
            *times[i] = 0;
    if (h->retries < 0)
        h->retries = 0;
}

void image_config_mend(struct arena *a, struct config *image, struct strs *warnings)
{
    mend_ports(a, image, warnings);
    mend_volumes(a, image, warnings);
    mend_env(a, image);
    mend_signal(a, image, warnings);
    if (image->healthcheck)
        mend_health(image);
    if (!text_is_empty(image->working_dir) && image->working_dir[0] != '/')
        image->working_dir = arena_printf(a, "/%s", image->working_dir);
}
