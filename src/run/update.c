/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Update: resources and restart policy of a container, running or not. Zero and absent
 * mean unchanged, as in Docker; anything else that is given and that no kernel lets us change in a
 * life is refused, where Docker says 200 and changes nothing. The document is written first, then
 * the limits of one that runs are set on a worker, and only then are they shown: until there all
 * can be taken back, of which limits that the kernel has could not (a zero means unchanged there,
 * too). Loop thread otherwise.
 */
#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "cgroup/cgroup.h"
#include "container/event.h"
#include "container/object.h"
#include "run/commands.h"
#include "run/oom.h"
#include "runtime/sandbox.h"

#include "limits.h"

struct update {
    struct op op;
    struct container *c;
    struct parts *parts;
    const char *id, *cgroup, *body;
    size_t body_len;
    int api_version;
    struct host_config next; /* the container's, with what was asked changed */
    bool is_running;
    struct strs warnings;
};

/* ---- what may be asked ---- */

static const char *const updatable[] = {
    "BlkioDeviceReadBps",  "BlkioDeviceReadIOps",
    "BlkioDeviceWriteBps", "BlkioDeviceWriteIOps",
    "BlkioWeight",         "BlkioWeightDevice",
    "CpuPeriod",           "CpuQuota",
    "CpuRealtimePeriod",   "CpuRealtimeRuntime",
    "CpuShares",           "CpusetCpus",
    "CpusetMems",          "Hugetlbs",
    "KernelMemory", /* answered with a warning */
    "KernelMemoryTCP",     "Memory",
    "MemoryReservation",   "MemorySwap",
    "MemorySwappiness",    "NanoCpus",
    "OomKillDisable",      "PidsLimit",
    "RestartPolicy",
};

static bool is_empty(struct arena *a, const struct json *j)
{
    const char *text;

    switch (json_type(j)) {
    case JSON_ARRAY:
    case JSON_OBJECT:
        return json_len(j) == 0;
    case JSON_NUMBER:
        text = json_text(a, j);
        return strcmp(text, "0") == 0;
    case JSON_STRING:
        return *json_str(j) == '\0';
    default:
        return !json_bool(j);
    }
}

static bool is_updatable(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(updatable); i++)
        if (strcasecmp(updatable[i], key) == 0)
            return true;
    return false;
}

/* Clients send the whole of Docker's Resources, empty where nothing is asked. */
static struct err *read_asked(struct update *o, struct arena *a, struct host_config *out)
{
    const struct json *doc;

    TRY(json_parse(o->op.arena, o->body, o->body_len, &doc));
    if (json_type(doc) != JSON_OBJECT)
        return err_new(ERR_INVALID, "an update must be a JSON object");
    for (const struct json *j = json_first(doc); j; j = json_next(j))
        if (!is_updatable(json_key(j)) && !is_empty(o->op.arena, j))
            return err_new(ERR_INVALID,
                           "\"%.100s\" of a container cannot be updated: create a new one with it",
                           json_key(j));
    return json_fill(a, doc, &host_config_json, out);
}

/* ---- what is asked, into what is ---- */

/* Block devices by path: one that is asked takes the place of the container's; a rate of zero takes
 * its limit away. weight_device and rate_device both begin with the path, hugetlb_limit with the
 * page size. */
static void take_devices(struct arena *a, struct jlist *into, const struct jlist *asked,
                         size_t size)
{
    struct jlist all = {NULL, 0};
    struct map *by_path;

    if (!asked->n)
        return;
    all.v = arena_array(a, into->n + asked->n, size);
    by_path = map_create();
    for (size_t i = 0; i < into->n + asked->n; i++) {
        const char *item = i < into->n ? (const char *)into->v + i * size
                                       : (const char *)asked->v + (i - into->n) * size;
        const char *path = *(char *const *)item ? *(char *const *)item : "";
        char *place = map_get(by_path, path);

        if (!place) {
            place = (char *)all.v + all.n++ * size;
            map_put(by_path, path, place);
        }
        memcpy(place, item, size);
    }
    map_destroy(by_path);
    *into = all;
}

#define TAKE(field)                                                                                \
    do {                                                                                           \
        if (asked->field)                                                                          \
            next->field = asked->field;                                                            \
    } while (0)

/* Docker's rule: zero and empty mean "unchanged", so a limit cannot be taken back to "none" but for
 * those that have a number for it (-1). */
static void take_asked(struct arena *a, struct host_config *next, const struct host_config *asked)
{
    TAKE(cpu_shares);
    TAKE(memory);
    TAKE(nano_cpus);
    TAKE(blkio_weight);
    TAKE(cpu_period);
    TAKE(cpu_quota);
    TAKE(cpu_rt_period);
    TAKE(cpu_rt_runtime);
    TAKE(memory_reservation);
    TAKE(memory_swap);
    TAKE(memory_swappiness);
    TAKE(oom_kill_disable);
    TAKE(pids_limit);
    take_devices(a, &next->blkio_weight_device, &asked->blkio_weight_device,
                 sizeof(struct weight_device));
    take_devices(a, &next->blkio_read_bps, &asked->blkio_read_bps, sizeof(struct rate_device));
    take_devices(a, &next->blkio_write_bps, &asked->blkio_write_bps, sizeof(struct rate_device));
    take_devices(a, &next->blkio_read_iops, &asked->blkio_read_iops, sizeof(struct rate_device));
    take_devices(a, &next->blkio_write_iops, &asked->blkio_write_iops, sizeof(struct rate_device));
    take_devices(a, &next->hugetlbs, &asked->hugetlbs, sizeof(struct hugetlb_limit));
    if (!text_is_empty(asked->cpuset_cpus))
        next->cpuset_cpus = asked->cpuset_cpus;
    if (!text_is_empty(asked->cpuset_mems))
        next->cpuset_mems = asked->cpuset_mems;
    if (!text_is_empty(asked->restart.name))
        next->restart = asked->restart;
}

static struct err *plan(struct op *op)
{
    struct update *o = (struct update *)op;
    struct container *c = o->c;
    struct host_config asked = {0};

    if (c->is_gone || c->doc.state.status == STATUS_REMOVING || c->doc.state.status == STATUS_DEAD)
        return err_new(ERR_CONFLICT,
                       "Cannot update container %s: container is marked for removal and "
                       "cannot be \"update\"",
                       o->id);
    o->warnings = text_split(op->arena, "", ','); /* present and empty */
    TRY(read_asked(o, c->arena, &asked));
    TRY(json_check_sizes(&host_config_json, &asked, CONFIG_ENTRIES_MAX));
    if (c->doc.host.auto_remove && !text_is_empty(asked.restart.name) &&
        !text_same(asked.restart.name, "no"))
        return err_new(ERR_INVALID,
                       "Restart policy cannot be updated because AutoRemove is enabled for "
                       "the container");
    o->next = c->doc.host;
    if (o->api_version < 140) /* it came with that version */
        asked.pids_limit = NULL;
    if (asked.pids_limit && *asked.pids_limit < 0) /* shown as Docker shows "unlimited" */
        *asked.pids_limit = 0;
    take_asked(c->arena, &o->next, &asked);
    sandbox_warn_kernel_memory(op->arena, &asked, &o->warnings);
    TRY(sandbox_check(op->arena, &c->doc.config, &o->next));
    o->is_running = state_is_running(c);
    return NULL;
}

/* A block device is looked up by its path, on whatever file system that is. */
static struct err *check_limits(struct op *op)
{
    struct update *o = (struct update *)op;
    struct cgroup_limits limits;

    TRY(limits_plan(op->arena, &o->next, NULL, &limits));
    return cgroup_check(o->parts->cgroups, op->arena, &limits, &o->warnings);
}

/* The document is written as it is to be, and the container goes on as it is until the kernel has
 * agreed. */
static struct err *save(struct op *op)
{
    struct update *o = (struct update *)op;
    struct host_config shown = o->c->doc.host;

    o->c->doc.host = o->next;
    container_save_for(o->c, op);
    o->c->doc.host = shown;
    return NULL;
}

static void save_as_shown(struct op *op)
{
    container_save(((struct update *)op)->c);
}

/* A container that does not run gets its limits at the next start. */
static struct err *apply(struct op *op)
{
    struct update *o = (struct update *)op;
    struct cgroup_limits limits;
    struct err *err;

    ASSERT_WORKER();
    if (!o->is_running)
        return NULL;
    TRY(limits_plan(op->arena, &o->next, NULL, &limits));
    if (o->next.oom_kill_disable < 0) /* a new cgroup has it so, but this one may not */
        limits.oom_kill_disable = -1;
    if (o->next.pids_limit && *o->next.pids_limit == 0)
        limits.pids = -1;
    err = cgroup_update(o->parts->cgroups, o->cgroup, &limits);
    if (err && (err_errno(err) == ENOENT || err_errno(err) == ENODEV) &&
        !cgroup_exists(o->parts->cgroups, o->cgroup)) {
        err_drop(err); /* it has ended meanwhile */
        return NULL;
    }
    return err;
}

static struct err *publish(struct op *op)
{
    struct update *o = (struct update *)op;

    ASSERT(o->c->magic == CONTAINER_MAGIC);
    o->c->doc.host = o->next;
    oom_watch_begin(o->c);
    container_save(o->c); /* a pause or an exit may have written what was shown meanwhile */
    container_event(o->c, "update", NULL, NULL);
    return NULL;
}

static void finish(struct op *op)
{
    container_unref(((struct update *)op)->c);
}

static const struct op_step update_steps[] = {
    {"plan", ON_LOOP, plan, NULL, 0},           {"check-limits", ON_WORKER, check_limits, NULL, 0},
    {"save", ON_EVENT, save, save_as_shown, 0}, {"apply", ON_WORKER, apply, NULL, 0},
    {"publish", ON_LOOP, publish, NULL, 0},     {0},
};
static const struct op_type update_type = {"container/update", OP_MUTATING, sizeof(struct update),
                                           update_steps, finish};
OP_LISTED(update_type);

struct update_call {
    void (*done)(void *ctx, struct err *err, const struct strs *warnings);
    void *ctx;
};

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct update_call *call = ctx;

    call->done(call->ctx, err, &((struct update *)op)->warnings);
    free(call);
}

void container_update(struct container *c, const char *body, size_t len, int api_version,
                      void (*done)(void *ctx, struct err *err, const struct strs *warnings),
                      void *ctx)
{
    struct update *o = (struct update *)op_create(c->parts->ops, &update_type);
    struct update_call *call = mem_new(struct update_call);

    o->c = container_ref(c);
    o->parts = c->parts;
    o->id = arena_strdup(o->op.arena, c->doc.id);
    o->cgroup = container_cgroup(o->op.arena, c);
    o->op.subject = o->id;
    o->body = arena_memdup(o->op.arena, body, len);
    o->body_len = len;
    o->api_version = api_version;
    *call = (struct update_call){done, ctx};
    op_start_in(&o->op, &c->lane, on_done, call);
}
