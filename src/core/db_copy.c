/* SPDX-License-Identifier: Apache-2.0 */
/* Pure, any thread. */
#include "db_copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TITLE "berth-copy-1"

/* Each step can be undone, so a change within one word never goes unnoticed, and others do once in
 * 2^64. Eight bytes at a time: all documents are looked at by each start. */
static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t mix_text(uint64_t h, const char *text)
{
    size_t n = strlen(text);
    uint64_t word;

    h = mix(h, n);
    for (; n >= sizeof(word); n -= sizeof(word), text += sizeof(word)) {
        memcpy(&word, text, sizeof(word));
        h = mix(h, word);
    }
    word = 0;
    memcpy(&word, text, n);
    return mix(h, word);
}

int64_t doc_sum(const char *kind, const char *id, const char *json)
{
    return (int64_t)mix_text(mix_text(mix_text(0, kind), id), json);
}

void copy_text(struct buf *out, const char *kind, const char *id, const char *json)
{
    buf_printf(out, TITLE " %s %s %016" PRIx64 "\n%s", kind, id, (uint64_t)doc_sum(kind, id, json),
               json);
}

static char *cut(char **at, char sep)
{
    char *start = *at, *end = strchr(start, sep);

    if (!end)
        return NULL;
    *end = '\0';
    *at = end + 1;
    return start;
}

bool copy_parse_head(char *head, struct copy *out)
{
    char *at = head, *title = cut(&at, ' '), *kind, *id, *sum;

    if (!title || strcmp(title, TITLE) != 0)
        return false;
    kind = cut(&at, ' ');
    id = kind ? cut(&at, ' ') : NULL;
    sum = id ? cut(&at, '\n') : NULL;
    if (!sum || strlen(sum) != 16 || !text_is_hex(sum, 16) || !*kind || !*id)
        return false;
    *out = (struct copy){kind, id, at, (int64_t)strtoull(sum, NULL, 16)};
    return true;
}

bool copy_parse(char *text, size_t len, struct copy *out)
{
    return strlen(text) == len && copy_parse_head(text, out) &&
           doc_sum(out->kind, out->id, out->json) == out->sum;
}
