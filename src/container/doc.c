/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The saved document of a container: one table describes it both ways, so what
 * start sees after an engine restart is what create saw. Loop thread.
 */
#include "container/doc.h"

#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "container/object.h"
#include "core/db.h"
#include "core/op.h"

static const struct jfield health_result_fields[] = {
    J(J_I64, struct health_result, start_ns, "Start"),
    J(J_I64, struct health_result, end_ns, "End"),
    J(J_INT, struct health_result, exit_code, "ExitCode"),
    J(J_STR, struct health_result, output, "Output"),
    J_END,
};
static const struct jtable health_result_json = {sizeof(struct health_result),
                                                 health_result_fields};

static const struct jfield health_state_fields[] = {
    J(J_INT, struct health_state, status, "Status"),
    J(J_INT, struct health_state, failing_streak, "FailingStreak"),
    J(J_I64, struct health_state, due_ns, "Due"),
    J(J_LIST, struct health_state, log, "Log", .sub = &health_result_json),
    J_END,
};
static const struct jtable health_state_json = {sizeof(struct health_state), health_state_fields};

static const struct jfield state_fields[] = {
    J(J_INT, struct container_state, status, "Status"),
    J(J_INT, struct container_state, starting_from, "StartingFrom", .flags = J_OMIT),
    J(J_INT, struct container_state, pid, "Pid"),
    J(J_INT, struct container_state, exit_code, "ExitCode"),
    J(J_INT, struct container_state, restart_count, "RestartCount"),
    J(J_BOOL, struct container_state, oom_killed, "OOMKilled"),
    J(J_BOOL, struct container_state, is_paused_to_commit, "PausedToCommit", .flags = J_OMIT),
    J(J_BOOL, struct container_state, was_stopped, "WasStopped"),
    J(J_BOOL, struct container_state, has_unknown_code, "UnknownCode"),
    J(J_STR, struct container_state, error, "Error", .flags = J_OMIT),
    J(J_I64, struct container_state, started_ns, "Started"),
    J(J_I64, struct container_state, finished_ns, "Finished"),
    J(J_I64, struct container_state, started_boot_ns, "StartedBoot", .flags = J_OMIT),
    J(J_PTR, struct container_state, health, "Health", .flags = J_OMIT, .sub = &health_state_json),
    J_END,
};
static const struct jtable state_json = {sizeof(struct container_state), state_fields};

static const struct jfield mount_fields[] = {
    J(J_STR, struct mount_point, type, "Type"),
    J(J_STR, struct mount_point, name, "Name", .flags = J_OMIT),
    J(J_STR, struct mount_point, source, "Source"),
    J(J_STR, struct mount_point, destination, "Destination"),
    J(J_STR, struct mount_point, driver, "Driver", .flags = J_OMIT),
    J(J_STR, struct mount_point, mode, "Mode"),
    J(J_STR, struct mount_point, propagation, "Propagation"),
    J(J_STR, struct mount_point, options, "Options", .flags = J_OMIT),
    J(J_STR, struct mount_point, subpath, "Subpath", .flags = J_OMIT),
    J(J_STR, struct mount_point, judged, "Judged", .flags = J_OMIT),
    J(J_STR, struct mount_point, image, "Image", .flags = J_OMIT),
    J(J_PAIRS, struct mount_point, volume_options, "VolumeOptions", .flags = J_OMIT),
    J(J_PAIRS, struct mount_point, volume_labels, "VolumeLabels", .flags = J_OMIT),
    J(J_BOOL, struct mount_point, rw, "RW"),
    J(J_BOOL, struct mount_point, is_anonymous, "Anonymous", .flags = J_OMIT),
    J(J_BOOL, struct mount_point, no_copy, "NoCopy", .flags = J_OMIT),
    J(J_BOOL, struct mount_point, non_recursive, "NonRecursive", .flags = J_OMIT),
    J(J_BOOL, struct mount_point, create_source, "CreateSource", .flags = J_OMIT),
    J(J_BOOL, struct mount_point, readonly_non_recursive, "RONonRecursive", .flags = J_OMIT),
    J(J_I64, struct mount_point, source_dev, "SourceDev", .flags = J_OMIT),
    J(J_I64, struct mount_point, source_ino, "SourceIno", .flags = J_OMIT),
    J(J_STR, struct mount_point, led_to, "LedTo", .flags = J_OMIT),
    J(J_BOOL, struct mount_point, is_replaced, "Replaced", .flags = J_OMIT),
    J(J_BOOL, struct mount_point, follow, "Follow", .flags = J_OMIT),
    J(J_BOOL, struct mount_point, is_own, "Own", .flags = J_OMIT),
    J(J_BOOL, struct mount_point, discards, "Discards", .flags = J_OMIT),
    J(J_BOOL, struct mount_point, is_plain_tmpfs, "PlainTmpfs", .flags = J_OMIT),
    J_END,
};
const struct jtable mount_point_json = {sizeof(struct mount_point), mount_fields};

/* By the rows of the table, so that what is saved is what is copied. */
void mount_point_copy(struct arena *a, const struct mount_point *from, struct mount_point *out)
{
    *out = (struct mount_point){0};
    for (const struct jfield *f = mount_fields; f->key; f++) {
        const char *at = (const char *)from + f->offset;
        char *to = (char *)out + f->offset;

        if (f->type == J_STR)
            *(char **)to = arena_strdup(a, *(char *const *)at);
        else if (f->type == J_PAIRS)
            *(struct pairs *)to = pairs_copy(a, (const struct pairs *)at);
        else if (f->type == J_I64)
            *(int64_t *)to = *(const int64_t *)at;
        else
            *(bool *)to = *(const bool *)at;
    }
}

static const struct jfield endpoint_record_fields[] = {
    J(J_STR, struct endpoint_record, network, "Network"),
    J(J_STR, struct endpoint_record, network_id, "NetworkID"),
    J(J_STR, struct endpoint_record, endpoint_id, "EndpointID"),
    J(J_OBJ, struct endpoint_record, asked, "Asked", .sub = &endpoint_config_json),
    J(J_STR, struct endpoint_record, mac, "Mac"),
    J(J_STR, struct endpoint_record, ifname, "Interface", .flags = J_OMIT),
    J(J_I64, struct endpoint_record, addr, "Address"),
    J(J_I64, struct endpoint_record, gateway, "Gateway"),
    J(J_INT, struct endpoint_record, bits, "Bits"),
    J(J_STR, struct endpoint_record, addr6, "Address6", .flags = J_OMIT),
    J(J_STR, struct endpoint_record, gateway6, "Gateway6", .flags = J_OMIT),
    J(J_INT, struct endpoint_record, bits6, "Bits6", .flags = J_OMIT),
    J_END,
};
const struct jtable endpoint_record_json = {sizeof(struct endpoint_record), endpoint_record_fields};

bool endpoint_record_has_address(const struct endpoint_record *at)
{
    return at->addr || at->bits6;
}

static const struct jfield port_record_fields[] = {
    J(J_INT, struct port_record, proto, "Proto"),
    J(J_INT, struct port_record, port, "Port"),
    J(J_INT, struct port_record, host_port, "HostPort"),
    J(J_BOOL, struct port_record, is_v6, "V6"),
    J(J_STR, struct port_record, host_ip, "HostIp"),
    J(J_INT, struct port_record, n, "Count"),
    J_END,
};
static const struct jtable port_record_json = {sizeof(struct port_record), port_record_fields};

static const struct jfield doc_fields[] = {
    J(J_STR, struct doc, uid_map, "UidMap", .flags = J_OMIT),
    J(J_STR, struct doc, gid_map, "GidMap", .flags = J_OMIT),
    J(J_STR, struct doc, process_label, "ProcessLabel", .flags = J_OMIT),
    J(J_STR, struct doc, mount_label, "MountLabel", .flags = J_OMIT),
    J(J_STR, struct doc, id, "Id"),
    J(J_STR, struct doc, name, "Name"),
    J(J_STR, struct doc, image_id, "ImageID"),
    J(J_STR, struct doc, image_name, "Image"),
    J(J_STR, struct doc, hostname, "Hostname"),
    J(J_STR, struct doc, platform, "Platform", .flags = J_OMIT),
    J(J_BOOL, struct doc, is_of_build, "OfBuild", .flags = J_OMIT),
    J(J_I64, struct doc, created_ns, "Created"),
    J(J_OBJ, struct doc, config, "Config", .sub = &config_json),
    J(J_OBJ, struct doc, host, "HostConfig", .sub = &host_config_json),
    J(J_OBJ, struct doc, state, "State", .sub = &state_json),
    J(J_LIST, struct doc, mounts, "Mounts", .sub = &mount_point_json),
    J(J_LIST, struct doc, networks, "Networks", .sub = &endpoint_record_json),
    J(J_LIST, struct doc, published, "Published", .sub = &port_record_json),
    J_END,
};
const struct jtable doc_json = {sizeof(struct doc), doc_fields};

char *doc_encode(struct arena *a, const struct container *c)
{
    return json_encode(a, &doc_json, &c->doc);
}

struct err *doc_decode(struct container *c, const char *json)
{
    TRY(json_decode(c->arena, json, strlen(json), &doc_json, &c->doc));
    if (!c->doc.id || !id_is_valid(c->doc.id) || text_is_empty(c->doc.name))
        return err_new(ERR_INTERNAL, "the saved document of a container has no valid id or name");
    c->name = mem_strdup(c->doc.name);
    c->doc.name = c->name;
    c->doc.state.error = mem_strdup(c->doc.state.error);
    return NULL;
}

void container_save(struct container *c)
{
    autoarena struct arena *a = arena_create();

    if (!c->is_gone)
        db_put(c->parts->db, "container", c->doc.id, doc_encode(a, c), NULL, NULL);
}

void container_save_for(struct container *c, struct op *op)
{
    db_put_for(c->parts->db, op, "container", c->doc.id, doc_encode(op->arena, c));
}

void state_set_error(struct container *c, const char *text)
{
    free(c->doc.state.error);
    c->doc.state.error = text && *text ? mem_strdup(text) : NULL;
}

void state_begin_run(struct container *c, int64_t started_ns)
{
    struct container_state *s = &c->doc.state;

    s->status = STATUS_RUNNING;
    s->starting_from = 0;
    s->started_ns = started_ns;
    s->started_boot_ns = clock_boot_ns();
    s->exit_code = 0;
    s->oom_killed = s->was_stopped = s->has_unknown_code = false;
    state_set_error(c, NULL);
}

int64_t state_run_ns(const struct container *c)
{
    const struct container_state *s = &c->doc.state;
    int64_t ns =
        s->started_boot_ns ? clock_boot_ns() - s->started_boot_ns : clock_wall_ns() - s->started_ns;

    return ns > 0 ? ns : 0;
}

const char *status_name(const struct container *c)
{
    static const char *const names[] = {
        [STATUS_CREATED] = "created",   [STATUS_RUNNING] = "running",
        [STATUS_PAUSED] = "paused",     [STATUS_RESTARTING] = "restarting",
        [STATUS_REMOVING] = "removing", [STATUS_EXITED] = "exited",
        [STATUS_DEAD] = "dead",
    };

    return names[c->doc.state.status];
}
