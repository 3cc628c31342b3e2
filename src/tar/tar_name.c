/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names inside foreign archives. Pure.
 * Trap: cleaning is lexical and only keeps nonsense out; that nothing leaves the layer is the
 * kernel's doing (openat2 in extract.c), never this file's.
 */
#include "tar/tar_name.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char wh_prefix[] = ".wh.";
static const char wh_special[] = ".wh..wh.";
static const char wh_opaque[] = ".wh..wh..opq";

static struct err *refuse(const char *raw, const char *why)
{
    return err_new(ERR_INVALID, "archive entry \"%.200s\" %s", raw, why);
}

static void find_base(struct tar_name *n)
{
    char *slash = strrchr(n->path, '/');

    n->base = slash ? slash + 1 : n->path;
    n->parent_len = slash ? (size_t)(slash - n->path) : 0;
}

/* Appends the parts of `raw`; ".." goes up when `may_climb`. */
static struct err *add_parts(const char *raw, bool may_climb, struct tar_name *n, size_t len)
{
    const char *part = raw;

    for (;;) {
        size_t size;

        part += strspn(part, "/");
        size = strcspn(part, "/");
        if (!size)
            break;
        if (size == 2 && part[0] == '.' && part[1] == '.') {
            if (!may_climb || !len)
                return refuse(raw, "leaves the archive by \"..\"");
            n->path[len] = '\0';
            find_base(n);
            len = n->parent_len;
        } else if (size != 1 || part[0] != '.') {
            if (size > TAR_PART_MAX)
                return refuse(raw, "has a part longer than 255 bytes");
            if (len + size + 1 > TAR_NAME_MAX)
                return refuse(raw, "is longer than 4096 bytes");
            if (len)
                n->path[len++] = '/';
            memcpy(n->path + len, part, size);
            len += size;
        }
        part += size;
    }
    n->path[len] = '\0';
    find_base(n);
    return NULL;
}

struct err *tar_name_clean(const char *raw, struct tar_name *out)
{
    return add_parts(raw, false, out, 0);
}

struct err *tar_name_follow(const struct tar_name *from, const char *target, struct tar_name *out)
{
    size_t len = target[0] == '/' ? 0 : from->parent_len;

    memcpy(out->path, from->path, len);
    return add_parts(target, true, out, len);
}

const char *tar_name_hidden(const struct tar_name *n)
{
    return n->base + sizeof(wh_prefix) - 1;
}

/* The first whiteout-like part in front of the base: kind of the whole path, or a refusal. */
static struct err *classify_parents(const struct tar_name *n, enum tar_name_kind *out)
{
    const char *part = n->path;

    while (part < n->base) {
        if (text_starts(part, wh_special)) {
            *out = TAR_NAME_IGNORED;
            return NULL;
        }
        if (text_starts(part, wh_prefix))
            return refuse(n->path, "lies below a whiteout");
        part += strcspn(part, "/") + 1;
    }
    *out = TAR_NAME_PLAIN;
    return NULL;
}

struct err *tar_name_classify(const struct tar_name *n, enum tar_name_kind *out)
{
    const char *hidden = tar_name_hidden(n);
    enum tar_name_kind kind = TAR_NAME_PLAIN;

    TRY(classify_parents(n, &kind));
    if (kind == TAR_NAME_PLAIN && text_starts(n->base, wh_prefix)) {
        kind = TAR_NAME_WHITEOUT;
        if (!strcmp(n->base, wh_opaque))
            kind = TAR_NAME_OPAQUE;
        else if (text_starts(n->base, wh_special))
            kind = TAR_NAME_IGNORED;
        else if (!*hidden || !strcmp(hidden, ".") || !strcmp(hidden, ".."))
            return refuse(n->path, "is a whiteout without a name");
    }
    *out = kind;
    return NULL;
}
