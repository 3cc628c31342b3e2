/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Create: from the request's JSON to a container in the table and on disk. Read the
 * step table at the end first. The object is built in an arena of its own, which it
 * keeps; nothing is visible to others before `publish`.
 */
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "cgroup/cgroup.h"
#include "container/container_table.h"
#include "container/event.h"
#include "container/ids.h"
#include "container/labels.h"
#include "container/object.h"
#include "container/process.h"
#include "core/db.h"
#include "core/settings.h"
#include "image/image.h"
#include "place/legacy_links.h"
#include "place/networks.h"
#include "place/resolver.h"
#include "run/commands.h"
#include "run/joined.h"
#include "run/mounts.h"
#include "run/volume_mounts.h"
#include "runtime/cdi.h"
#include "runtime/policy.h"
#include "runtime/sandbox.h"
#include "storage/rootfs.h"
#include "storage/volume.h"
#include "stream/log.h"

#include "image_config.h"
#include "label_claim.h"
#include "limits.h"
#include "merge.h"
#include "namespaces.h"
#include "older.h"
#include "systemd.h"

#define HOSTNAME_MAX 64
#define RISK_LABEL "berth.risk-warnings"
#define SHM_DEFAULT (64 << 20)
#define CONFIG_BYTES_MAX (4u << 20) /* more than exec takes; 65,535 ports fit */
#define LARGE_BYTES (32u << 10)     /* decoding takes 0.3 ms here */

struct create_request {
    struct config config;
    struct host_config host;
    struct networking_config networking;
};

struct create {
    struct op op;
    struct container_table *table;
    struct container *c; /* ours until publish */
    const char *name, *platform;
    const char *body;
    size_t body_len;
    int api_version;
    struct create_request request;
    const char *image_config;
    size_t image_config_len;
    struct strs warnings;
    struct strs cdi_dirs;
    struct strs chain; /* the image's, for copy-up on the worker */
    struct risk_findings risks;
    const char *risk_warnings; /* of the request; "": the label's or the engine's */
    const char *label_telling; /* the request's own: no image silences what is told of it */
    enum risk_telling telling;
    struct risk_sources sources; /* what it mounts of the host, for the worker */
    struct permit permit;        /* policy NULL: everything */
    struct strs image_names;     /* of the image, and as it was asked for; for the policy */
    struct strs more_image_names;
    struct jlist own_mounts;
    bool is_reserved, is_published;
    size_t at_mount;              /* make-volumes: the mount being made */
    struct pairs *volume_options; /* per mount, for copy-up on the worker */
    char **made;                  /* names of volumes that did not exist before */
    size_t n_made;
    void (*done)(void *ctx, struct err *err, const struct create_result *r);
    void *ctx;
};

/* ---- read-request ---- */

static const struct jfield request_fields[] = {
    J(J_OBJ, struct create_request, host, "HostConfig", .flags = J_NULL_OBJ,
      .sub = &host_config_json),
    J(J_OBJ, struct create_request, networking, "NetworkingConfig", .flags = J_NULL_OBJ,
      .sub = &networking_config_json),
    J_END,
};
static const struct jtable request_json = {sizeof(struct create_request), request_fields};

static struct err *decode_request(struct create *o, struct create_request *r)
{
    static const struct jtable *const tables[] = {&config_json, &request_json, NULL};
    const struct json *doc;

    if (o->body_len == 0)
        return err_new(ERR_INVALID, "invalid JSON: got EOF while reading request body");
    TRY(json_parse(o->op.arena, o->body, o->body_len, &doc));
    if (json_type(doc) != JSON_OBJECT)
        return err_new(ERR_INVALID, "config cannot be empty in order to create a container");
    TRY(json_fill(o->c->arena, doc, &config_json, &r->config));
    TRY(json_fill(o->c->arena, doc, &request_json, r));
    TRY(json_check_sizes(&config_json, &r->config, CONFIG_ENTRIES_MAX));
    TRY(json_check_sizes(&request_json, r, CONFIG_ENTRIES_MAX));
    config_warn_unused(o->op.arena, doc, tables, &o->warnings);
    return older_create(o->api_version, &r->config, &r->host, &r->networking);
}

static struct err *read_request(struct op *op)
{
    struct create *o = (struct create *)op;

    if (o->body_len > CONFIG_BYTES_MAX)
        return err_new(ERR_TOO_LARGE, "container configuration is larger than %u bytes",
                       CONFIG_BYTES_MAX);
    TRY(decode_request(o, &o->request));
    return mounts_check_volumes(&o->request.config);
}

/* ---- find-image ---- */

static struct err *find_image(struct op *op)
{
    struct create *o = (struct create *)op;
    const char *name = o->request.config.image;

    ASSERT(!o->c->image);
    if (text_is_empty(name))
        return err_new(ERR_INVALID, "No image was specified: \"Image\" is empty");
    TRY(image_find(o->table->parts->images, name, &o->c->image));
    if (o->api_version == 0 || o->api_version >= 141) {
        struct err *err = image_check_platform(o->c->image, name, o->platform);

        if (err) {
            o->c->image = NULL;
            return err;
        }
    }
    o->image_config = arena_strdup(op->arena, image_run_config_text(o->c->image));
    o->image_config_len = strlen(o->image_config);
    o->c->doc.image_id = arena_strdup(o->c->arena, image_id(o->c->image));
    o->c->doc.image_name = arena_strdup(o->c->arena, name);
    o->chain = strs_copy(op->arena, image_chain(o->c->image));
    o->image_names = strs_copy(op->arena, image_tags(o->c->image));
    strs_add(op->arena, &o->image_names, name);
    strs_add(op->arena, &o->image_names, image_id(o->c->image));
    strs_merge(op->arena, &o->image_names, &o->more_image_names);
    image_ref(o->c->image, o->c->doc.id, false);
    return NULL;
}

static void forget_image(struct op *op)
{
    struct create *o = (struct create *)op;

    ASSERT(o->c->image);
    if (!o->is_published)
        image_unref(o->c->image, o->c->doc.id);
}

/* ---- read-devices ---- */

static bool names_devices(const struct op *op)
{
    return cdi_is_asked(&((const struct create *)op)->request.host);
}

static struct err *read_devices(struct op *op)
{
    struct create *o = (struct create *)op;

    ASSERT_WORKER();
    return cdi_apply(o->c->arena, &o->cdi_dirs, &o->request.config, &o->request.host, &o->warnings);
}

/* ---- check-config: nothing but the request, the image's text and what never changes ---- */

static struct err *merge_image(struct create *o)
{
    struct config *image_config = arena_new(o->c->arena, struct config);
    struct config *c = &o->request.config;

    o->label_telling = pairs_get(&c->labels, RISK_LABEL);
    TRY(json_decode(o->c->arena, o->image_config, strlen(o->image_config), &config_json,
                    image_config));
    image_config_mend(o->c->arena, image_config, &o->warnings);
    config_merge_image(o->c->arena, c, image_config);
    if (c->cmd.n == 0 && c->entrypoint.n == 0)
        return err_new(ERR_INVALID, "no command specified");
    return NULL;
}

/* berthd's --no-new-privileges is for new containers: stored with them, so that inspect and execs
 * see it, and that another value of the flag later changes none. One that said false has said so.
 */
static void fill_no_new_privileges(struct arena *a, struct host_config *h)
{
    for (size_t i = 0; i < h->security_opt.n; i++)
        if (text_starts(h->security_opt.v[i], "no-new-privileges"))
            return;
    strs_add(a, &h->security_opt, "no-new-privileges=true");
}

/* So with a profile of the engine's; privileged containers have none unless they ask for it. */
static void fill_seccomp(struct arena *a, const char *option, struct host_config *h)
{
    for (size_t i = 0; i < h->security_opt.n; i++)
        if (text_starts(h->security_opt.v[i], "seccomp"))
            return;
    if (!h->privileged)
        strs_add(a, &h->security_opt, option);
}

/* Those that the request does not name, as --default-ulimit has them. */
static void fill_ulimits(struct arena *a, const struct pairs *defaults, struct host_config *h)
{
    const struct ulimit *asked = h->ulimits.v;
    struct pairs missing = {0};
    struct jlist more = {0};
    struct ulimit *all;

    for (size_t i = 0; i < defaults->n; i++) {
        bool is_asked = false;

        for (size_t k = 0; k < h->ulimits.n; k++)
            is_asked |= text_same(asked[k].name, defaults->v[i].key);
        if (!is_asked)
            pairs_add(a, &missing, defaults->v[i].key, defaults->v[i].value);
    }
    err_drop(ulimits_parse(a, &missing, &more)); /* checked at start-up */
    if (!more.n)
        return;
    all = arena_array(a, h->ulimits.n + more.n, sizeof(*all));
    if (h->ulimits.n)
        memcpy(all, asked, h->ulimits.n * sizeof(*all));
    memcpy(all + h->ulimits.n, more.v, more.n * sizeof(*all));
    h->ulimits = (struct jlist){all, h->ulimits.n + more.n};
}

static const char *default_cgroupns(const struct create *o)
{
    const char *given = o->table->parts->settings->cgroupns_mode;

    if (o->api_version > 0 && o->api_version < 141)
        return "host";
    if (!text_is_empty(given))
        return given;
    return cgroup_is_v2(o->table->parts->cgroups) && o->api_version >= 141 ? "private" : "host";
}

/* What Docker fills in when a request says nothing; inspect shows it afterwards. The private cgroup
 * namespace is the default of clients that know of it (API 1.41). */
static void fill_defaults(const struct create *o, struct host_config *h)
{
    const struct settings *s = o->table->parts->settings;
    struct arena *a = o->c->arena;

    if (text_is_empty(h->network_mode) || text_same(h->network_mode, "default"))
        h->network_mode = "bridge";
    if (text_is_empty(h->log.type)) {
        h->log.type = arena_strdup(a, s->log_driver ? s->log_driver : "json-file");
        if (h->log.options.n == 0)
            h->log.options = pairs_copy(a, &s->log_opts);
    }
    if (h->shm_size == 0)
        h->shm_size = s->shm_size.is_set ? s->shm_size.value : SHM_DEFAULT;
    if (text_is_empty(h->ipc_mode))
        h->ipc_mode = arena_strdup(a, s->ipc_mode);
    if (text_is_empty(h->cgroupns_mode))
        h->cgroupns_mode = arena_strdup(a, default_cgroupns(o));
    if (s->init && h->init == 0 && !text_same(h->systemd, "true"))
        h->init = 1;
    if (text_is_empty(h->restart.name))
        h->restart.name = "no";
    if (text_is_empty(h->cgroup_parent) && s->cgroup_parent &&
        text_ends(s->cgroup_parent, ".slice"))
        h->cgroup_parent = arena_strdup(a, s->cgroup_parent);
    if (text_is_empty(h->runtime))
        h->runtime = "runc"; /* Docker's name for what there is */
    fill_ulimits(a, &s->ulimits, h);
    if (s->seccomp_option)
        fill_seccomp(a, s->seccomp_option, h);
    if (s->no_new_privileges)
        fill_no_new_privileges(a, h);
    if (h->pids_limit && *h->pids_limit <= 0)
        h->pids_limit = NULL;
    if (h->memory_swappiness && *h->memory_swappiness == -1)
        h->memory_swappiness = NULL;
    if (h->memory > 0 && h->memory_swap == 0)
        h->memory_swap = h->memory * 2;
}

/* What the policy says of the configuration; networks and mounts are judged when they are known. */
static struct err *check_permit(struct create *o, const struct host_config *h)
{
    struct policy_case asked = {.risks = &o->risks};

    if (!o->permit.policy)
        return NULL;
    asked.items[POLICY_IMAGES] = o->image_names;
    policy_case_config(o->op.arena, h, &asked);
    return policy_check(o->permit.policy, &o->permit.who, o->op.arena, &asked);
}

/* The client's word, or the container's, or the engine's. What is silenced, audit still knows. */
static struct err *choose_telling(struct create *o)
{
    TRY(risk_telling_from_text(o->table->parts->settings->risk_warnings, &o->telling));
    TRY(risk_telling_from_text(o->label_telling, &o->telling));
    return risk_telling_from_text(o->risk_warnings, &o->telling);
}

static struct err *check_with_parts(struct create *o, const struct config *c,
                                    const struct host_config *h)
{
    struct cgroup_limits limits;
    struct port_map *maps;
    size_t n_maps;

    TRY(ids_check(o->table->parts, h));
    TRY(lsm_check(o->op.arena, o->table->parts->lsm, h));
    TRY(resolver_check(c, h));
    TRY(log_check(h->log.type, &h->log.options));
    TRY(log_check_here(h->log.type));
    TRY(limits_plan(o->op.arena, h, c, &limits));
    TRY(cgroup_parent_check(o->table->parts->cgroups, o->op.arena, h->cgroup_parent));
    TRY(cgroup_check(o->table->parts->cgroups, o->op.arena, &limits, &o->warnings));
    TRY(ports_plan(o->op.arena, c, h, NULL, &maps, &n_maps));
    if (!text_is_empty(c->stop_signal)) {
        int ignored;

        TRY(signal_parse(c->stop_signal, &ignored));
    }
    TRY(choose_telling(o));
    risks_of_config(o->op.arena, h, &o->risks);
    sandbox_warnings(o->op.arena, h, &o->warnings);
    return check_permit(o, h);
}

/* What the request names besides its image: an absence is the request's fault. A 404 would make the
 * CLI pull the image. */
static struct err *as_fault(struct err *err)
{
    return err && err_kind(err) == ERR_NOT_FOUND ? err_as(err, ERR_INVALID) : err;
}

static struct err *check_config(struct op *op)
{
    struct create *o = (struct create *)op;
    struct create_request *r = &o->request;

    TRY(merge_image(o));
    TRY(sandbox_check(op->arena, &r->config,
                      &r->host)); /* before our defaults: it judges what was asked */
    TRY(systemd_apply(o->c->arena, cgroup_is_v2(o->table->parts->cgroups), &r->config, &r->host));
    fill_defaults(o, &r->host);
    return as_fault(check_with_parts(o, &r->config, &r->host));
}

/* ---- find-parts: other containers, volumes, networks ---- */

static struct err *choose_hostname(struct create *o, struct config *c, const struct host_config *h)
{
    struct container *other = NULL;

    err_drop(mode_container(o->table, h->network_mode, &other)); /* the start tells of an absence */
    if (!text_is_empty(c->hostname) && strlen(c->hostname) > HOSTNAME_MAX)
        return err_new(ERR_INVALID, "invalid hostname: %s: longer than %d characters", c->hostname,
                       HOSTNAME_MAX);
    if (other) {
        c->hostname = arena_strdup(o->c->arena, other->doc.hostname);
    } else if (text_is_empty(c->hostname)) {
        if (network_mode_is(h, "host") || text_same(h->uts_mode, "host")) {
            char host[HOSTNAME_MAX + 1] = "";

            gethostname(host, sizeof(host) - 1);
            c->hostname = arena_strdup(o->c->arena, host);
        } else {
            c->hostname = arena_strndup(o->c->arena, o->c->doc.id, ID_SHORT);
        }
    }
    o->c->doc.hostname = c->hostname;
    return NULL;
}

static struct err *plan_parts(struct create *o, struct create_request *r)
{
    struct doc *doc = &o->c->doc;

    TRY(namespaces_name(o->table, o->c->arena, &r->host));
    TRY(choose_hostname(o, &r->config, &r->host));
    TRY(legacy_links_plan(o->table, o->c->arena, &r->host));
    TRY(mounts_plan(o->table, o->c->arena, &r->config, &r->host, &o->own_mounts, &doc->mounts));
    older_mounts(o->api_version, &doc->mounts);
    return networks_plan(o->table, o->c->arena, &r->config, &r->host, &r->networking,
                         &doc->networks, &o->warnings);
}

/* What it joins, and each image that it mounts: of one, any of its names is enough. */
static struct err *check_joined(struct create *o)
{
    struct policy_case asked = {.risks = &o->risks};
    const struct jlist *mounts = &o->c->doc.mounts;

    joined_risks(o->table, o->op.arena, &o->request.host, &o->risks);
    if (!o->permit.policy)
        return NULL;
    for (size_t i = 0; i < mounts->n; i++) {
        struct policy_case mounted = {0};

        if (((const struct mount_point *)mounts->v)[i].is_own)
            continue;
        mounted.items[POLICY_IMAGES] = mounts_image_names(o->table->parts, o->op.arena, mounts, i);
        TRY(policy_check(o->permit.policy, &o->permit.who, o->op.arena, &mounted));
    }
    asked.items[POLICY_NETWORKS] =
        networks_names(o->table, o->op.arena, &o->c->doc.networks, &o->request.host);
    return policy_check(o->permit.policy, &o->permit.who, o->op.arena, &asked);
}

/* For the workers: what the mounts show of the host. */
static void note_sources(struct create *o)
{
    o->sources = (struct risk_sources){0};
    mounts_risk_sources(o->table->parts, o->op.arena, &o->c->doc.mounts, &o->sources);
}

static struct err *find_parts(struct op *op)
{
    struct create *o = (struct create *)op;
    struct doc *doc = &o->c->doc;

    TRY(as_fault(plan_parts(o, &o->request)));
    TRY(check_joined(o));
    doc->config = o->request.config;
    doc->host = o->request.host;
    TRY(ids_claim(o->c));
    TRY(label_claim(o->c));
    ids_warn(op->arena, o->c, &o->warnings);
    doc->created_ns = clock_wall_ns();
    note_sources(o);
    return NULL;
}

/* ---- reserve-name ---- */

/* Until `publish` the table does not know the container, so the name is kept in a map of its own:
 * two creates at once must not get one. */
static struct err *reserve_name(struct op *op)
{
    struct create *o = (struct create *)op;
    const char *name = o->name;

    ASSERT(!o->is_reserved && !o->c->name);
    if (text_is_empty(name))
        name = container_table_generate_name(o->table, op->arena);
    else if (*name == '/')
        name++;
    TRY(container_table_check_name(o->table, name));
    o->c->name = mem_strdup(name);
    o->c->doc.name = o->c->name;
    map_put(o->table->reserved, o->c->name, o);
    o->is_reserved = true;
    return NULL;
}

static void release_name(struct op *op)
{
    struct create *o = (struct create *)op;

    if (o->is_reserved)
        map_take(o->table->reserved, o->c->name);
    o->is_reserved = false;
}

/* ---- look-at-sources: before anything is made or mounted ---- */

/* What was judged is what a start has to find: m->judged. */
static struct err *judge_sources(struct create *o, const struct risk_findings *found)
{
    struct policy_case asked = {.risks = found};
    struct mount_point *m = o->c->doc.mounts.v;

    policy_case_sources(o->op.arena, &o->sources, &o->request.host, &asked);
    TRY(policy_check(o->permit.policy, &o->permit.who, o->op.arena, &asked));
    for (size_t i = 0; i < o->sources.n; i++)
        if (o->sources.v[i].is_bind)
            m[o->sources.v[i].at].judged = arena_strdup(o->c->arena, o->sources.v[i].real);
    return NULL;
}

static struct err *look_at_sources(struct op *op)
{
    struct create *o = (struct create *)op;
    struct risk_findings found = {0};

    TRY(mounts_check_sources(o->c->arena, &o->c->doc.mounts, &o->warnings));
    if (labels_mount(o->c))
        TRY(mounts_check_relabel(&o->c->doc.mounts));
    risks_of_sources(op->arena, o->table->parts->risk_host, &o->sources, &found);
    for (size_t i = 0; i < found.n; i++)
        risk_add(op->arena, &o->risks, found.v[i].risk->name, found.v[i].what);
    return o->permit.policy ? judge_sources(o, &found) : NULL;
}

static bool has_sources(const struct op *op)
{
    const struct create *o = (const struct create *)op;

    return o->sources.n > 0 || (o->permit.policy && o->request.host.devices.n > 0);
}

/* Somebody else may have made a volume of that name meanwhile, with other options. */
static struct err *judge_volumes(struct create *o)
{
    struct risk_findings found = {0};

    if (!o->permit.policy)
        return NULL;
    risks_of_sources(o->op.arena, o->table->parts->risk_host, &o->sources, &found);
    return judge_sources(o, &found);
}

/* ---- make-volumes ---- */

static void make_next_volume(struct create *o, struct ticket *t);

/* Those that others have come to use meanwhile stay: volume_remove refuses them. */
static void drop_volumes(struct op *op)
{
    struct create *o = (struct create *)op;

    mounts_unref(o->c);
    for (size_t i = 0; i < o->n_made; i++)
        volume_remove(o->table->parts->volumes, o->made[i], true, NULL, NULL);
}

/* One that comes late is removed behind its creation, in its lane: drop_volumes. */
static void on_volume(void *ctx, struct err *err, struct volume *v)
{
    struct ticket *t = ctx;
    struct create *o = (struct create *)ticket_op(t);
    struct mount_point *m;

    if (!o || err) {
        if (o)
            drop_volumes(&o->op);
        ticket_answer(t, as_fault(err));
        return;
    }
    ASSERT(o->at_mount < o->c->doc.mounts.n);
    m = o->c->doc.mounts.v;
    m += o->at_mount;
    o->volume_options[o->at_mount++] = pairs_copy(o->op.arena, volume_options(v));
    m->name = arena_strdup(o->c->arena, volume_name(v));
    m->source = arena_strdup(o->c->arena, volume_path(v));
    volume_ref(v, o->c->doc.id);
    make_next_volume(o, t);
}

/* What is asked of a volume that is there already counts for nothing. */
static bool volume_is_there(struct create *o, const struct mount_point *m)
{
    const struct volume *v =
        text_is_empty(m->name) ? NULL : volume_find(o->table->parts->volumes, m->name);
    struct strs ignored = {0};

    if (!v)
        return false;
    for (size_t i = 0; i < m->volume_options.n; i++)
        if (!text_same(pairs_get(volume_options(v), m->volume_options.v[i].key),
                       m->volume_options.v[i].value))
            strs_add(o->op.arena, &ignored, m->volume_options.v[i].key);
    for (size_t i = 0; i < m->volume_labels.n; i++)
        if (!text_same(pairs_get(volume_labels(v), m->volume_labels.v[i].key),
                       m->volume_labels.v[i].value))
            strs_add(o->op.arena, &ignored, m->volume_labels.v[i].key);
    if (ignored.n)
        strs_add(o->op.arena, &o->warnings,
                 arena_printf(o->op.arena,
                              "volume %s exists already, with other options or labels than are "
                              "asked for: %s",
                              m->name, strs_join(o->op.arena, &ignored, ", ")));
    return true;
}

/* One volume after the other, since each is an operation with an answer. A name that does not exist
 * yet is noted first: whatever happens, drop_volumes removes what this create has made. */
static void make_next_volume(struct create *o, struct ticket *t)
{
    struct mount_point *m = o->c->doc.mounts.v;
    struct volume_request r = {0};

    ASSERT(o->at_mount <= o->c->doc.mounts.n);
    while (o->at_mount < o->c->doc.mounts.n && strcmp(m[o->at_mount].type, "volume") != 0)
        o->at_mount++;
    if (o->at_mount == o->c->doc.mounts.n) {
        note_sources(o);
        ticket_answer(t, NULL);
        return;
    }
    m += o->at_mount;
    r.name = m->name;
    r.driver = m->driver;
    r.options = m->volume_options;
    r.labels = m->volume_labels;
    r.is_doomed = m->is_anonymous; /* until the container is saved */
    if (!volume_is_there(o, m)) {
        char id[ID_MAX];

        if (text_is_empty(m->name)) {
            id_random(id);
            r.name = m->name = arena_strdup(o->c->arena, id);
        }
        ASSERT(o->n_made < o->c->doc.mounts.n);
        o->made[o->n_made++] = m->name;
    }
    volume_create(o->table->parts->volumes, &r, m->is_anonymous, on_volume, t);
}

static struct err *make_volumes(struct op *op)
{
    struct create *o = (struct create *)op;

    o->made = arena_array(op->arena, o->c->doc.mounts.n + 1, sizeof(char *));
    o->volume_options = arena_array(op->arena, o->c->doc.mounts.n + 1, sizeof(*o->volume_options));
    images_ref(o->c, false);
    make_next_volume(o, op_wait(op));
    return NULL;
}

/* ---- mount-volumes: what is copied into a file system goes into that, not below it ---- */

static bool mounts_volumes(const struct op *op)
{
    return volume_mounts_are_wanted(((const struct create *)op)->c);
}

static struct err *mount_volumes(struct op *op)
{
    struct create *o = (struct create *)op;

    return volume_mounts_begin(o->c, op);
}

static void unmount_volumes(struct op *op)
{
    volume_mounts_end(((struct create *)op)->c);
}

/* ---- make-files (worker) ---- */

/* Docker's copy-up: an empty volume gets what the image has at its place, in a mount of the image
 * that nobody else sees. */
static struct err *copy_up(struct create *o)
{
    const struct mount_point *m = o->c->doc.mounts.v;
    autoclose int root = -1;

    ASSERT_WORKER();
    for (size_t i = 0; i < o->c->doc.mounts.n; i++) {
        if (strcmp(m[i].type, "volume") != 0 || m[i].no_copy)
            continue;
        if (root < 0)
            TRY(rootfs_mount(o->table->parts->layers, o->c->doc.id, &o->chain, true, NULL, &root));
        TRY(volume_copy_up(m[i].source, &o->volume_options[i], m[i].subpath, root,
                           m[i].destination));
    }
    return NULL;
}

static struct err *fill_rootfs(struct create *o)
{
    int64_t limit;

    TRY(sandbox_storage_limit(&o->c->doc.host, &limit));
    if (limit)
        TRY(rootfs_limit(o->table->parts->layers, o->c->doc.id, limit));
    return copy_up(o);
}

static void remove_files(struct op *op)
{
    struct create *o = (struct create *)op;

    if (o->c->doc.host.storage_opt.n)
        rootfs_unlimit(o->table->parts->layers, o->c->doc.id);
    err_drop(rootfs_remove(o->table->parts->layers, o->c->doc.id));
}

static struct err *make_files(struct op *op)
{
    struct create *o = (struct create *)op;
    struct err *err;

    TRY(sandbox_check_host(op->arena, &o->c->doc.host));
    TRY(lsm_check_labels(o->table->parts->lsm, o->c->doc.process_label, o->c->doc.mount_label));
    TRY(judge_volumes(o));
    TRY(rootfs_create(o->table->parts->layers, o->c->doc.id));
    err = fill_rootfs(o);
    if (err)
        remove_files(op);
    return err;
}

/* ---- save, publish ---- */

static struct err *save(struct op *op)
{
    struct container *c = ((struct create *)op)->c;

    container_save_for(c, op);
    mounts_doom_anonymous(c,
                          false); /* after it: a doomed volume with a user is saved at start-up */
    return NULL;
}

/* The document was written and the container is not published: the next engine must not find it. */
static void unsave(struct op *op)
{
    struct container *c = ((struct create *)op)->c;

    db_delete(c->parts->db, "container", c->doc.id, NULL, NULL);
}

static struct err *publish(struct op *op)
{
    struct create *o = (struct create *)op;

    ASSERT(o->is_reserved && !o->is_published && o->c->refs == 1);
    volume_mounts_end(o->c);
    release_name(op);
    o->is_published = true;
    container_table_insert(o->c);
    container_check(o->c);
    legacy_links_insert(o->c);
    container_event(o->c, "create", NULL, NULL);
    return NULL;
}

/* Published containers belong to the table. */
static void finish(struct op *op)
{
    struct create *o = (struct create *)op;

    if (!o->is_published)
        container_destroy(o->c);
    policy_unref(o->permit.policy);
}

/* A large request is read and judged by a worker, and so is an image's large configuration, and
 * one that names devices, which are looked up: a folder of them may be large, or hang. For a usual
 * one the way there takes longer. */
static bool is_large(const struct op *op)
{
    return ((const struct create *)op)->body_len > LARGE_BYTES;
}

static bool is_usual(const struct op *op)
{
    return !is_large(op);
}

static bool is_for_worker(const struct op *op)
{
    const struct create *o = (const struct create *)op;

    return o->body_len + o->image_config_len > LARGE_BYTES || limits_name_files(&o->request.host);
}

static bool is_for_loop(const struct op *op)
{
    return !is_for_worker(op);
}

static const struct op_step create_steps[] = {
    {"read-request", ON_LOOP, read_request, NULL, 0, is_usual},
    {"read-large-request", ON_WORKER, read_request, NULL, 0, is_large},
    {"find-image", ON_LOOP, find_image, forget_image, 0},
    {"read-devices", ON_WORKER, read_devices, NULL, 0, names_devices},
    {"check-config", ON_LOOP, check_config, NULL, 0, is_for_loop},
    {"check-large-config", ON_WORKER, check_config, NULL, 0, is_for_worker},
    {"find-parts", ON_LOOP, find_parts, NULL, 0},
    {"reserve-name", ON_LOOP, reserve_name, release_name, 0},
    {"look-at-sources", ON_WORKER, look_at_sources, NULL, 0, has_sources},
    {"make-volumes", ON_EVENT, make_volumes, drop_volumes, 0},
    {"mount-volumes", ON_EVENT, mount_volumes, unmount_volumes, 0, mounts_volumes},
    {"make-files", ON_WORKER, make_files, remove_files, 0},
    {"save", ON_EVENT, save, unsave, 0},
    {"publish", ON_LOOP, publish, NULL, 0},
    {0},
};

static const struct op_type create_type = {"container/create", OP_MUTATING, sizeof(struct create),
                                           create_steps, finish};
OP_LISTED(create_type);

static void on_created(struct op *op, struct err *err, void *ctx)
{
    struct create *o = ctx;
    struct create_result r = {.id = o->c->doc.id};

    risk_warn(op->arena, &o->risks, o->telling, &r.warnings);
    for (size_t i = 0; i < o->warnings.n; i++)
        strs_add(op->arena, &r.warnings, o->warnings.v[i]);
    o->done(o->ctx, err, err ? NULL : &r);
}

static void copy_own_mounts(struct create *o, const struct jlist *from)
{
    const struct mount_point *v = from->v;
    struct mount_point *mine = arena_array(o->c->arena, from->n + 1, sizeof(*mine));

    for (size_t i = 0; i < from->n; i++)
        mount_point_copy(o->c->arena, &v[i], &mine[i]);
    o->own_mounts = (struct jlist){.v = mine, .n = from->n};
}

void container_create(struct container_table *t, const struct create_call *call,
                      void (*done)(void *ctx, struct err *err, const struct create_result *r),
                      void *ctx)
{
    struct create *o = (struct create *)op_create(t->parts->ops, &create_type);
    char id[ID_MAX];

    ASSERT_LOOP();
    do /* never an id whose long prefix is somebody's name */
        id_random(id);
    while (map_get(t->by_id, id) || map_get(t->by_name, id) ||
           map_get(t->by_name, arena_strndup(o->op.arena, id, ID_SHORT)));
    o->table = t;
    o->cdi_dirs = t->parts->settings->cdi_dirs; /* constant */
    o->c = container_alloc(t, arena_create());
    o->c->doc.id = arena_strdup(o->c->arena, id);
    o->c->doc.is_of_build = call->is_of_build;
    o->name = arena_strdup(o->op.arena, call->name);
    o->platform = arena_strdup(o->op.arena, call->platform);
    o->body = arena_memdup(o->op.arena, call->body, call->body_len);
    o->body_len = call->body_len;
    o->api_version = call->api_version;
    o->risk_warnings = arena_strdup(o->op.arena, call->risk_warnings);
    if (call->own_mounts)
        copy_own_mounts(o, call->own_mounts);
    if (call->image_names)
        o->more_image_names = strs_copy(o->op.arena, call->image_names);
    o->warnings = text_split(o->op.arena, "", ','); /* present and empty */
    if (call->permit)
        o->permit = permit_copy(o->op.arena, call->permit);
    o->done = done;
    o->ctx = ctx;
    o->op.subject = o->c->doc.id;
    op_start(&o->op, on_created, o);
}
