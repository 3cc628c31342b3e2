/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The config blob of an image (OCI image-spec config.md, and Docker's superset).
 * Pure, any thread. The blob's bytes are its identity, so they are kept as they
 * came; what is decoded here is a reading of them and is never written back.
 */
#include "blob.h"

#include "base/digest.h"

#include "manifest.h"

#include <string.h>

static const struct jfield health_fields[] = {
    J(J_STRS, struct image_health, test, "Test", .flags = J_OMIT | J_OR_STR),
    J(J_I64, struct image_health, interval_ns, "Interval", .flags = J_OMIT),
    J(J_I64, struct image_health, timeout_ns, "Timeout", .flags = J_OMIT),
    J(J_I64, struct image_health, start_period_ns, "StartPeriod", .flags = J_OMIT),
    J(J_I64, struct image_health, start_interval_ns, "StartInterval", .flags = J_OMIT),
    J(J_I64, struct image_health, retries, "Retries", .flags = J_OMIT),
    J_END,
};
static const struct jtable health_json = {sizeof(struct image_health), health_fields};

static const struct jfield run_fields[] = {
    J(J_STR, struct run_defaults, user, "User"),
    J(J_SET, struct run_defaults, exposed_ports, "ExposedPorts", .flags = J_OMIT,
      .max = IMAGE_PORTS_MAX),
    J(J_STRS, struct run_defaults, env, "Env", .flags = J_NULL_LIST),
    J(J_STRS, struct run_defaults, cmd, "Cmd", .flags = J_OR_STR | J_NULL_LIST),
    J(J_PTR, struct run_defaults, health, "Healthcheck", .flags = J_OMIT, .sub = &health_json),
    J(J_BOOL, struct run_defaults, args_escaped, "ArgsEscaped", .flags = J_OMIT),
    J(J_SET, struct run_defaults, volumes, "Volumes", .flags = J_NULL_LIST),
    J(J_STR, struct run_defaults, working_dir, "WorkingDir"),
    J(J_STRS, struct run_defaults, entrypoint, "Entrypoint", .flags = J_OR_STR | J_NULL_LIST),
    J(J_STRS, struct run_defaults, on_build, "OnBuild", .flags = J_NULL_LIST),
    J(J_PAIRS, struct run_defaults, labels, "Labels", .flags = J_NULL_LIST),
    J(J_STR, struct run_defaults, stop_signal, "StopSignal", .flags = J_OMIT),
    J(J_STRS, struct run_defaults, shell, "Shell", .flags = J_OMIT),
    J_END,
};
const struct jtable run_defaults_json = {sizeof(struct run_defaults), run_fields};

static const struct jfield history_fields[] = {
    J(J_STR, struct history_entry, created, "created", .flags = J_OMIT),
    J(J_STR, struct history_entry, created_by, "created_by", .flags = J_OMIT),
    J(J_STR, struct history_entry, author, "author", .flags = J_OMIT),
    J(J_STR, struct history_entry, comment, "comment", .flags = J_OMIT),
    J(J_BOOL, struct history_entry, empty_layer, "empty_layer", .flags = J_OMIT),
    J_END,
};
static const struct jtable history_json = {sizeof(struct history_entry), history_fields};

struct rootfs_file {
    char *type;
    struct strs diff_ids;
};
struct blob_file {
    struct image_blob blob;
    struct rootfs_file rootfs;
};
static const struct jfield rootfs_fields[] = {
    J(J_STR, struct rootfs_file, type, "type"),
    J(J_STRS, struct rootfs_file, diff_ids, "diff_ids"),
    J_END,
};
static const struct jtable rootfs_json = {sizeof(struct rootfs_file), rootfs_fields};

static const struct jfield blob_fields[] = {
    J(J_STR, struct blob_file, blob.architecture, "architecture"),
    J(J_STR, struct blob_file, blob.variant, "variant", .flags = J_OMIT),
    J(J_STR, struct blob_file, blob.os, "os"),
    J(J_STR, struct blob_file, blob.os_version, "os.version", .flags = J_OMIT),
    J(J_STR, struct blob_file, blob.author, "author", .flags = J_OMIT),
    J(J_STR, struct blob_file, blob.comment, "comment", .flags = J_OMIT),
    J(J_STR, struct blob_file, blob.created, "created", .flags = J_OMIT),
    J(J_STR, struct blob_file, blob.docker_version, "docker_version", .flags = J_OMIT),
    J(J_RAW, struct blob_file, blob.config_text, "config"),
    J(J_LIST, struct blob_file, blob.history, "history", .sub = &history_json),
    J(J_OBJ, struct blob_file, rootfs, "rootfs", .sub = &rootfs_json),
    J_END,
};
static const struct jtable blob_json = {sizeof(struct blob_file), blob_fields};

static struct err *check_rootfs(const struct rootfs_file *r)
{
    if (!text_is_empty(r->type) && strcmp(r->type, "layers") != 0)
        return err_new(ERR_INVALID, "invalid image config: root file system of type %s", r->type);
    if (r->diff_ids.n > LAYERS_MAX)
        return err_new(ERR_INVALID, "max depth exceeded: %zu layers, at most %d work",
                       r->diff_ids.n, LAYERS_MAX);
    for (size_t i = 0; i < r->diff_ids.n; i++)
        if (!digest_is_valid(r->diff_ids.v[i]))
            return err_new(ERR_INVALID, "invalid image config: layer %zu has no valid diff id", i);
    return NULL;
}

struct err *image_blob_parse(struct arena *a, const char *text, size_t len, struct image_blob *out)
{
    struct blob_file f = {0};
    struct err *e;

    if (len > MANIFEST_MAX)
        return err_new(ERR_INVALID, "invalid image config: larger than %u bytes", MANIFEST_MAX);
    if (!text_is_utf8(text, len) || memchr(text, '\0', len)) /* could not be kept byte for byte */
        return err_new(ERR_INVALID, "invalid image config: it is not UTF-8 text");
    e = json_decode(a, text, len, &blob_json, &f);
    if (!e && f.blob.config_text)
        e = json_decode(a, f.blob.config_text, strlen(f.blob.config_text), &run_defaults_json,
                        &f.blob.run);
    if (e)
        return err_wrap(err_as(e, ERR_INVALID), "invalid image config");
    TRY(check_rootfs(&f.rootfs));
    if (!f.blob.config_text)
        f.blob.config_text = arena_strdup(a, "{}");
    f.blob.diff_ids = f.rootfs.diff_ids;
    *out = f.blob;
    return NULL;
}

struct err *image_blob_check_sizes(const struct image_blob *b)
{
    struct err *e = json_check_sizes(&run_defaults_json, &b->run, IMAGE_ENTRIES_MAX);

    if (!e && b->history.n > IMAGE_ENTRIES_MAX)
        e = err_new(ERR_INVALID, "history has %zu entries, at most %d work", b->history.n,
                    IMAGE_ENTRIES_MAX);
    return e ? err_wrap(e, "invalid image config") : NULL;
}

char *image_blob_write(struct arena *a, const struct image_blob *b)
{
    struct blob_file f = {.blob = *b};

    f.blob.config_text = json_encode(a, &run_defaults_json, &b->run);
    f.rootfs = (struct rootfs_file){arena_strdup(a, "layers"), b->diff_ids};
    return json_encode(a, &blob_json, &f);
}
