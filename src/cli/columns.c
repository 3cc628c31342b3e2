/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elastic tab stops: a column is a run of neighbouring lines that have a tab there; its width is
 * that of its widest cell. The last cell of a line is in no column. Widths are a terminal's.
 */
#include "columns.h"

#include "base/utf8.h"

#include <string.h>
#include <wchar.h>

#define CELL_PADDING 3

struct column_line {
    const char *text;
    size_t len;
    size_t n_cells;
    size_t *widths; /* of the columns this line takes part in */
};

/* Columns of a terminal: wide characters have two, combining ones none (wcwidth(3), of the locale
 * that cli_main has set). Bytes that are no UTF-8 have one each. */
static size_t characters(const char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0, k; i < len; i += k) {
        int width = 1;

        k = utf8_length(s + i, len - i);
        if (k > 1)
            width = wcwidth((wchar_t)utf8_value(s + i, k));
        n += width < 0 ? 1 : (size_t)width;
        k = k ? k : 1;
    }
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

/* ---- narrow screens ---- */

#define ELLIPSIS "\xe2\x80\xa6"

/* The text without the column of that title. */
static void leave_out(struct arena *a, const char *text, const char *title, struct buf *out)
{
    size_t n, at, len;
    struct column_line *lines = split_lines(a, text, &n);

    for (at = 0; n && at < lines[0].n_cells; at++) {
        const char *s = cell(&lines[0], at, &len);

        if (len == strlen(title) && !memcmp(s, title, len))
            break;
    }
    for (size_t i = 0; i < n; i++) {
        bool is_first = true;

        for (size_t c = 0; c < lines[i].n_cells; c++) {
            const char *s = cell(&lines[i], c, &len);

            if (c == at)
                continue;
            if (!is_first)
                buf_putc(out, '\t');
            buf_add(out, s, len);
            is_first = false;
        }
        buf_putc(out, '\n');
    }
}

static bool fits(const char *text, size_t width)
{
    for (size_t len; *text; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        if (characters(text, len) > width)
            return false;
    }
    return true;
}

void columns_cut(const char *s, size_t len, size_t width, struct buf *out)
{
    size_t kept = 0, k;

    if (characters(s, len) <= width) {
        buf_add(out, s, len);
        return;
    }
    while (kept < len) {
        k = utf8_length(s + kept, len - kept);
        if (characters(s, kept + (k ? k : 1)) + 1 > width)
            break;
        kept += k ? k : 1;
    }
    buf_add(out, s, kept);
    buf_puts(out, ELLIPSIS);
}

void columns_fit(const char *text, size_t cell_min, size_t width, const char *const *expendable,
                 struct buf *out)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf aligned = {0};

    columns_align(text, cell_min, &aligned);
    for (; aligned.len && *expendable && !fits(aligned.data, width); expendable++) {
        autobuf struct buf fewer = {0};

        leave_out(a, text, *expendable, &fewer);
        text = arena_strdup(a, fewer.data);
        buf_drop_front(&aligned, aligned.len);
        columns_align(text, cell_min, &aligned);
    }
    for (const char *s = aligned.len ? aligned.data : ""; *s;) {
        size_t len = strcspn(s, "\n");

        columns_cut(s, len, width, out);
        buf_putc(out, '\n');
        s += len + (s[len] == '\n');
    }
}
