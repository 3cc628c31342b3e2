/* SPDX-License-Identifier: Apache-2.0 */
/* Devices by name: which spec a name is of. What it does is in cdi_edit.c. */
#include "cdi_inner.h"

#include "base/json.h"
#include "runtime/config.h"

#include <string.h>

#define NAMES_MAX 256 /* of a container */

bool cdi_is_driver(const struct device_request *r)
{
    return text_same(r->driver, "cdi");
}

struct err *cdi_check(const struct device_request *r)
{
    const char *c = r->capabilities;
    bool has_capabilities = !text_is_empty(c) && strcmp(c, "[]") != 0 && strcmp(c, "null") != 0;

    if (r->count || r->options.n || has_capabilities)
        return err_new(ERR_INVALID, "device requests of the driver cdi have DeviceIDs only: no "
                                    "Count, Capabilities or Options");
    if (r->ids.n == 0 || r->ids.n > NAMES_MAX)
        return err_new(ERR_INVALID, "a device request of the driver cdi has 1 to %d DeviceIDs",
                       NAMES_MAX);
    for (size_t i = 0; i < r->ids.n; i++) {
        const char *slash = strchr(r->ids.v[i], '/'), *end = strchr(r->ids.v[i], '=');

        if (!slash || slash == r->ids.v[i] || !end || end < slash + 2 || !end[1])
            return err_new(ERR_INVALID, "invalid CDI device \"%s\": it is no vendor/class=name",
                           r->ids.v[i]);
    }
    return NULL;
}

bool cdi_is_asked(const struct host_config *h)
{
    const struct device_request *r = h->device_requests.v;

    for (size_t i = 0; i < h->device_requests.n; i++)
        if (cdi_is_driver(&r[i]))
            return true;
    return false;
}

static const struct json *device_of(const struct cdi_spec *s, const char *name)
{
    const char *end = strchr(name, '=');
    size_t len = (size_t)(end - name);

    if (strlen(s->kind) != len || strncmp(s->kind, name, len) != 0)
        return NULL;
    for (const struct json *j = json_first(json_get(s->doc, "devices")); j; j = json_next(j))
        if (text_same(json_str(json_get(j, "name")), end + 1))
            return j;
    return NULL;
}

static struct err *find_device(const struct cdi_specs *specs, const char *name,
                               struct cdi_spec **out_spec, const struct json **out)
{
    struct cdi_spec *best = NULL;
    const struct json *device = NULL;

    for (size_t i = 0; i < specs->n; i++) {
        struct cdi_spec *s = &specs->v[i];
        const struct json *found = device_of(s, name);

        if (!found || (best && best->rank > s->rank))
            continue;
        if (best && best->rank == s->rank)
            return err_new(ERR_INVALID, "%s and %s both have it", best->path, s->path);
        best = s;
        device = found;
    }
    if (!best)
        return err_new(ERR_INVALID, "no spec in %s has it%s%s",
                       strs_join(specs->arena, specs->folders, " or "), specs->problem ? "; " : "",
                       specs->problem ? specs->problem : "");
    *out_spec = best;
    *out = device;
    return NULL;
}

/* What all devices of a spec share is given once. */
static struct err *apply_device(struct cdi_target *t, const struct cdi_specs *specs,
                                const char *name)
{
    const struct json *device;
    struct cdi_spec *s;

    TRY(find_device(specs, name, &s, &device));
    if (!s->is_used)
        TRY(cdi_edit(t, json_get(s->doc, "containerEdits")));
    s->is_used = true;
    return cdi_edit(t, json_get(device, "containerEdits"));
}

struct err *cdi_apply(struct arena *a, const struct strs *folders, struct config *c,
                      struct host_config *h, struct strs *warnings)
{
    const struct device_request *r = h->device_requests.v;
    struct cdi_target t = {.a = a, .c = c, .h = h, .warnings = warnings};
    autoarena struct arena *scratch = arena_create();
    struct cdi_specs specs;

    TRY(cdi_read_specs(scratch, folders, &specs));
    for (size_t i = 0; i < h->device_requests.n; i++) {
        if (!cdi_is_driver(&r[i]))
            continue;
        TRY(cdi_check(&r[i]));
        for (size_t k = 0; k < r[i].ids.n; k++) {
            struct err *err = apply_device(&t, &specs, r[i].ids.v[k]);

            if (err)
                return err_wrap(err_as(err, ERR_INVALID), "CDI device %s", r[i].ids.v[k]);
        }
    }
    return NULL;
}
