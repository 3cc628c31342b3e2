/* SPDX-License-Identifier: Apache-2.0 */
/* Recursion is bounded by JSON_DEPTH_MAX. Numbers keep the text the engine sent. */
#include "pretty.h"

#include <string.h>

static void new_line(struct buf *out, unsigned level, const char *indent)
{
    buf_putc(out, '\n');
    for (unsigned i = 0; i < level; i++)
        buf_puts(out, indent);
}

void pretty_json_by(struct buf *out, struct arena *a, const struct json *j, unsigned level,
                    const char *indent)
{
    bool is_object = json_type(j) == JSON_OBJECT;

    if (!is_object && json_type(j) != JSON_ARRAY) {
        buf_puts(out, j ? json_text(a, j) : "null");
        return;
    }
    buf_putc(out, is_object ? '{' : '[');
    for (const struct json *m = json_first(j); m; m = json_next(m)) {
        if (m != json_first(j))
            buf_putc(out, ',');
        new_line(out, level + 1, indent);
        if (is_object) {
            json_quote(out, json_key(m), strlen(json_key(m)));
            buf_puts(out, ": ");
        }
        pretty_json_by(out, a, m, level + 1, indent);
    }
    if (json_len(j))
        new_line(out, level, indent);
    buf_putc(out, is_object ? '}' : ']');
}

void pretty_json(struct buf *out, struct arena *a, const struct json *j, unsigned level)
{
    pretty_json_by(out, a, j, level, "    ");
}
