/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The "Options:" block of --help: one column of names as wide as the longest, one of help, wrapped
 * by words as Docker's. Pure.
 */
#include "base/flags.h"

#include <string.h>

const char *flag_kind(const struct flag *f)
{
    static const char *const kinds[] = {
        [FLAG_TEXT] = "string",       [FLAG_PATH] = "string", [FLAG_LIST] = "list",
        [FLAG_MAP] = "map",           [FLAG_INT] = "int",     [FLAG_NUMBER] = "int",
        [FLAG_BYTES] = "bytes",       [FLAG_SWAP] = "bytes",  [FLAG_CPUS] = "decimal",
        [FLAG_DURATION] = "duration",
    };

    return f->kind || f->type == FLAG_BOOL ? f->kind : kinds[f->type];
}

static bool is_shown(const struct flag *f)
{
    return f->help && !(f->bits & FLAG_HIDDEN);
}

static void add_names(struct buf *out, const struct flag *f)
{
    const char *kind = flag_kind(f);

    if (f->letter)
        buf_printf(out, "  -%c, --%s", f->letter, f->name);
    else
        buf_printf(out, "      --%s", f->name);
    if (kind)
        buf_printf(out, " %s", kind);
}

static size_t name_width(const struct flag *f)
{
    autobuf struct buf b = {0};

    add_names(&b, f);
    return b.len;
}

/* The end of the next line of text: at a newline, else at the last blank that leaves `room`. A tail
 * that goes a little beyond stays on the line, so that no short word stands alone. */
static size_t line_len(const char *text, size_t room)
{
    const size_t slop = 5;
    size_t len = strlen(text), n = 0;

    room -= slop;
    for (size_t i = 0; i < len && i < room; i++)
        if (text[i] == '\n')
            return i;
    if (room + slop > len)
        return len;
    for (size_t i = 0; i < room; i++)
        if (text[i] == ' ')
            n = i;
    return n ? n : len;
}

#define ROOM_MIN 20 /* of a description */
#define NARROW_INDENT 8

static void add_wrapped(struct buf *out, const char *text, size_t indent, size_t width)
{
    size_t room = width > indent + ROOM_MIN ? width - indent : ROOM_MIN;

    for (;;) {
        size_t n = line_len(text, room);

        buf_printf(out, "%.*s\n", (int)n, text);
        if (!text[n])
            return;
        text += n + 1;
        buf_printf(out, "%*s", (int)indent, "");
    }
}

const struct flag *flag_next(const struct flag *flags, const struct flag *last)
{
    const struct flag *next = NULL;

    for (const struct flag *f = flags; f && f->name; f++)
        if (is_shown(f) && (!last || strcmp(f->name, last->name) > 0) &&
            (!next || strcmp(f->name, next->name) < 0))
            next = f;
    return next;
}

void flags_help(struct buf *out, const struct flag *flags, size_t width)
{
    size_t widest = 0;

    for (const struct flag *f = flags; f && f->name; f++)
        if (is_shown(f) && name_width(f) > widest)
            widest = name_width(f);
    for (const struct flag *f = flag_next(flags, NULL); f; f = flag_next(flags, f)) {
        size_t start = out->len;

        add_names(out, f);
        if (width < widest + 3 + ROOM_MIN) { /* a narrow screen: below the names */
            buf_printf(out, "\n%*s", NARROW_INDENT, "");
            add_wrapped(out, f->help, NARROW_INDENT, width);
            continue;
        }
        buf_printf(out, "%*s", (int)(widest + 3 - (out->len - start)), "");
        add_wrapped(out, f->help, widest + 3, width);
    }
}
