/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The specs of CDI devices as files. One that is broken is no reason to refuse the devices of
 * another vendor: it is named only when a device is not found. A spec decides what of the host a
 * container gets, so one that others than root may write is not read. Worker.
 */
#include "cdi_inner.h"

#include "base/fd.h"
#include "base/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SPECS_MAX 256
#define SPEC_BYTES_MAX (1u << 20)
#define ENTRIES_MAX 4096 /* of a folder */

static struct err *read_doc(struct arena *a, int dir, const char *name, const struct json **out)
{
    autoclose int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    size_t len;
    char *text;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys("open it");
    if (!S_ISREG(st.st_mode))
        return err_new(ERR_INVALID, "it is no regular file");
    if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return err_new(ERR_INVALID, "others than root may write it: chown root, chmod go-w");
    TRY(file_read_fd(a, fd, SPEC_BYTES_MAX, &text, &len));
    return json_parse(a, text, len, out);
}

static struct err *check_doc(const struct json *doc)
{
    const char *version = json_str(json_get(doc, "cdiVersion"));
    const char *kind = json_str(json_get(doc, "kind"));

    if (!version || (!text_starts(version, "0.") && !text_starts(version, "1.")))
        return err_new(ERR_INVALID, "its cdiVersion is neither 0.x nor 1.x");
    return kind && strchr(kind, '/') ? NULL : err_new(ERR_INVALID, "its kind is no vendor/class");
}

static void read_spec(struct arena *a, int dir, int rank, const char *name, struct cdi_specs *out)
{
    const char *path = path_join(a, out->folders->v[rank], name);
    struct cdi_spec s = {.path = path, .rank = rank};
    struct err *err = read_doc(a, dir, name, &s.doc);

    if (!err)
        err = check_doc(s.doc);
    if (err) {
        out->problem = arena_printf(a, "%s was not read: %s", path, err_text(err));
        err_drop(err);
        return;
    }
    s.kind = json_str(json_get(s.doc, "kind"));
    out->v = arena_grow(a, out->v, out->n, &out->room, sizeof(*out->v));
    out->v[out->n++] = s;
}

static struct err *read_entry(struct arena *a, int dir, int rank, const char *name,
                              struct cdi_specs *out)
{
    if (text_ends(name, ".yaml") || text_ends(name, ".yml"))
        out->problem =
            arena_printf(a, "%s/%s was not read: specs are read as JSON, convert it to NAME.json",
                         out->folders->v[rank], name);
    if (!text_ends(name, ".json"))
        return NULL;
    if (out->n == SPECS_MAX)
        return err_new(ERR_INVALID, "there are more than %d CDI specs", SPECS_MAX);
    read_spec(a, dir, rank, name, out);
    return NULL;
}

static struct err *read_folder(struct arena *a, int rank, struct cdi_specs *out)
{
    DIR *d = opendir(out->folders->v[rank]);
    struct err *err = NULL;
    struct dirent *at;

    if (!d)
        return errno == ENOENT ? NULL : err_sys("open %s", out->folders->v[rank]);
    for (size_t n = 0; !err && (at = readdir(d)); n++)
        err = n < ENTRIES_MAX ? read_entry(a, dirfd(d), rank, at->d_name, out)
                              : err_new(ERR_INVALID, "%s has more than %d entries",
                                        out->folders->v[rank], ENTRIES_MAX);
    closedir(d);
    return err;
}

struct err *cdi_read_specs(struct arena *a, const struct strs *folders, struct cdi_specs *out)
{
    struct cdi_specs specs = {.arena = a, .folders = folders};

    for (size_t i = 0; i < folders->n; i++)
        TRY(read_folder(a, (int)i, &specs));
    *out = specs;
    return NULL;
}
