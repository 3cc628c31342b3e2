/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The "Options:" block of --help: one column of names as wide as the longest, one of help, wrapped
 * by words. Pure.
 */
#include "flags.h"

#include <string.h>

static void add_names(struct buf *out, const struct flag *f)
{
    if (f->letter)
        buf_printf(out, "  -%c, --%s", f->letter, f->name);
    else
        buf_printf(out, "      --%s", f->name);
    if (f->kind)
        buf_printf(out, " %s", f->kind);
}

static size_t name_width(const struct flag *f)
{
    autobuf struct buf b = {0};

    add_names(&b, f);
    return b.len;
}

static void add_wrapped(struct buf *out, const char *text, size_t indent, size_t width)
{
    size_t room = width > indent + 20 ? width - indent : 20;

    while (strlen(text) > room) {
        size_t n = room;

        while (n && text[n] != ' ')
            n--;
        if (!n)
            n = room;
        buf_printf(out, "%.*s\n%*s", (int)n, text, (int)indent, "");
        text += n + strspn(text + n, " ");
    }
    buf_printf(out, "%s\n", text);
}

void flags_help(struct buf *out, const struct flag *flags, size_t width)
{
    size_t widest = 0;

    for (const struct flag *f = flags; f && f->name; f++)
        if (!(f->bits & FLAG_HIDDEN) && name_width(f) > widest)
            widest = name_width(f);
    for (const struct flag *f = flags; f && f->name; f++) {
        size_t start = out->len;

        if (f->bits & FLAG_HIDDEN)
            continue;
        add_names(out, f);
        buf_printf(out, "%*s", (int)(widest + 3 - (out->len - start)), "");
        add_wrapped(out, f->help, widest + 3, width);
    }
}
