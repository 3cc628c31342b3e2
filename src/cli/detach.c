/* SPDX-License-Identifier: Apache-2.0 */
/* A prefix of the sequence is held back and sent when the next byte does not continue it. */
#include "detach.h"

#include <string.h>

static int key_of(const char *name)
{
    static const char marks[] = "@[\\]^_";
    const char *mark;

    if (strlen(name) == 1)
        return (unsigned char)name[0];
    if (!text_starts(name, "ctrl-") || strlen(name) != 6)
        return -1;
    if (name[5] >= 'a' && name[5] <= 'z')
        return name[5] - 'a' + 1;
    mark = strchr(marks, name[5]);
    if (!mark)
        return -1;
    return name[5] == '@' ? 0 : 26 + (int)(mark - marks);
}

struct err *detach_parse(const char *text, struct detach *out)
{
    autoarena struct arena *a = arena_create();
    struct strs names = text_split(a, text_is_empty(text) ? "ctrl-p,ctrl-q" : text, ',');
    struct detach d = {0};

    if (names.n > DETACH_KEYS_MAX)
        return err_new(ERR_INVALID, "invalid detach keys (%s) provided", text);
    for (size_t i = 0; i < names.n; i++) {
        int key = key_of(names.v[i]);

        if (key < 0)
            return err_new(ERR_INVALID,
                           "invalid detach keys (%s) provided: Unknown character: '%s'", text,
                           names.v[i]);
        d.keys[d.n++] = (unsigned char)key;
    }
    *out = d;
    return NULL;
}

bool detach_scan(struct detach *d, const char *p, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];

        if (d->n && c != d->keys[d->matched] && d->matched) {
            buf_add(out, d->keys, d->matched);
            d->matched = 0;
        }
        if (!d->n || c != d->keys[d->matched])
            buf_putc(out, (char)c);
        else if (++d->matched == d->n)
            return true;
    }
    return false;
}
