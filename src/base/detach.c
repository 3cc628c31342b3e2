/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detach keys: parsing "ctrl-p,ctrl-q" and finding the sequence in what a client
 * types, across chunks. Pure. Trap: a mismatch forwards only as much of what was held
 * back as can no longer begin the sequence ("aab" is found in "aaab").
 */
#include "base/detach.h"

#include "base/text.h"

#include <string.h>

#define DEFAULT_KEYS "ctrl-p,ctrl-q"

/* One element of the list; -1: no such key. */
static int key_of(const char *s)
{
    if (strlen(s) == 1)
        return (unsigned char)*s;
    if (!strcmp(s, "DEL"))
        return 127;
    if (!text_starts(s, "ctrl-") || strlen(s) != 6)
        return -1;
    if (s[5] >= 'a' && s[5] <= 'z')
        return s[5] - 'a' + 1;
    return s[5] && strchr("@[\\]^_", s[5]) ? s[5] & 31 : -1;
}

struct err *detach_parse(const char *s, struct detach_keys *out)
{
    autoarena struct arena *a = arena_create();
    struct strs keys = text_split(a, text_is_empty(s) ? DEFAULT_KEYS : s, ',');
    struct detach_keys d = {.n = keys.n};

    for (size_t i = 0; i < keys.n; i++) {
        int key = i < DETACH_MAX ? key_of(keys.v[i]) : -1;

        if (key < 0)
            return err_new(ERR_INVALID, "Invalid detach keys (%s) provided", s);
        d.key[i] = (unsigned char)key;
    }
    *out = d;
    return NULL;
}

/* The held bytes and b do not go on as the sequence: how many of them (b included) still begin it.
 */
static size_t keep(const struct detach_keys *d, unsigned char b)
{
    unsigned char tail[DETACH_MAX + 1];

    ASSERT(d->matched < DETACH_MAX);
    memcpy(tail, d->key, d->matched);
    tail[d->matched] = b;
    for (size_t n = d->matched; n > 0; n--) {
        if (!memcmp(tail + d->matched + 1 - n, d->key, n))
            return n;
    }
    return 0;
}

bool detach_is_plain(const struct detach_keys *d, const void *p, size_t n)
{
    return !d->n || (!d->matched && !memchr(p, d->key[0], n));
}

bool detach_keys_scan(struct detach_keys *d, const unsigned char *p, size_t n, unsigned char *out,
                      size_t *out_n)
{
    size_t w = 0, kept;

    ASSERT(d->n && d->n <= DETACH_MAX && d->matched < d->n);
    for (size_t i = 0; i < n; i++) {
        if (!d->matched) { /* up to the next key that may begin it all is copied */
            const unsigned char *first = memchr(p + i, d->key[0], n - i);
            size_t run = first ? (size_t)(first - (p + i)) : n - i;

            memcpy(out + w, p + i, run);
            w += run;
            i += run;
            if (i == n)
                break;
        }
        if (d->n && p[i] == d->key[d->matched]) {
            if (++d->matched < d->n)
                continue;
            d->matched = 0;
            *out_n = w;
            return true;
        }
        kept = keep(d, p[i]);
        /* Held bytes plus this one, less what is kept: they are the keys and p[i]. */
        for (size_t k = 0; k + kept < d->matched + 1; k++)
            out[w++] = k < d->matched ? d->key[k] : p[i];
        d->matched = kept;
    }
    *out_n = w;
    return false;
}
