/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elastic tab stops: a column is a run of neighbouring lines that have a tab there; its width is
 * that of its widest cell. The last cell of a line is in no column. Widths count characters.
 */
#include "columns.h"

#include <string.h>

#define CELL_PADDING 3

struct column_line {
    const char *text;
    size_t len;
    size_t n_cells;
    size_t *widths; /* of the columns this line takes part in */
};

/* UTF-8: bytes 10xxxxxx go on a character (utf-8(7)). Wide characters count as one, as in
 * Docker. */
static size_t characters(const char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

/* Cell `index` of a line, or its last one. */
static const char *cell(const struct column_line *l, size_t index, size_t *out_len)
{
    const char *s = l->text, *end = l->text + l->len;
    const char *tab;

    while (index-- && (tab = memchr(s, '\t', (size_t)(end - s))))
        s = tab + 1;
    tab = memchr(s, '\t', (size_t)(end - s));
    *out_len = (size_t)((tab ? tab : end) - s);
    return s;
}

static struct column_line *split_lines(struct arena *a, const char *text, size_t *out_n)
{
    size_t n = 0, i = 0;
    struct column_line *lines;

    for (const char *s = text; *s; s++)
        n += *s == '\n';
    lines = arena_array(a, n + 1, sizeof(*lines));
    while (*text) {
        size_t len = strcspn(text, "\n");

        lines[i] = (struct column_line){.text = text, .len = len, .n_cells = 1};
        for (size_t at = 0; at < len; at++)
            lines[i].n_cells += text[at] == '\t';
        lines[i].widths = arena_array(a, lines[i].n_cells, sizeof(size_t));
        i++;
        text += len + (text[len] == '\n');
    }
    *out_n = i;
    return lines;
}

/* Widths of column `index` for the run of lines that starts at `from`; returns its end. */
static size_t measure_run(struct column_line *lines, size_t n, size_t from, size_t index,
                          size_t cell_min)
{
    size_t width = cell_min, to = from, len;

    ASSERT(from < n && lines[from].n_cells > index + 1);
    for (; to < n && lines[to].n_cells > index + 1; to++) {
        const char *s = cell(&lines[to], index, &len);
        size_t needed = characters(s, len) + CELL_PADDING;

        if (needed > width)
            width = needed;
    }
    for (size_t i = from; i < to; i++)
        lines[i].widths[index] = width;
    return to;
}

void columns_align(const char *text, size_t cell_min, struct buf *out)
{
    autoarena struct arena *a = arena_create();
    size_t n, most = 0, len;
    struct column_line *lines = split_lines(a, text, &n);

    ASSERT(text && out);
    for (size_t i = 0; i < n; i++)
        if (lines[i].n_cells > most)
            most = lines[i].n_cells;
    for (size_t column = 0; column + 1 < most; column++)
        for (size_t i = 0; i < n;)
            i = lines[i].n_cells > column + 1 ? measure_run(lines, n, i, column, cell_min) : i + 1;
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < lines[i].n_cells; c++) {
            const char *s = cell(&lines[i], c, &len);

            buf_add(out, s, len);
            if (c + 1 < lines[i].n_cells)
                buf_printf(out, "%*s", (int)(lines[i].widths[c] - characters(s, len)), "");
        }
        buf_putc(out, '\n');
    }
}
