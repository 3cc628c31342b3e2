/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As Docker prints lists: the header of "table …" is the same template run over the titles.
 * Trap: ".labels" is a hidden field of each row, for the method .Label; `json .` leaves it out.
 */
#include "rows.h"

#include "columns.h"
#include "template.h"
#include "tty.h"

#include <string.h>
#include <unistd.h>

#define WIDTH_MIN 20 /* less is no screen that anybody reads */

#define LABELS_KEY ".labels"

void rows_labels(struct arena *a, struct pairs *row, const struct pairs *labels)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_pairs(&w, NULL, labels);
    pairs_set(a, row, LABELS_KEY, b.data);
}

static struct err *document_of(struct arena *a, const struct pairs *row, const struct json **out)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    for (size_t i = 0; i < row->n; i++)
        if (strcmp(row->v[i].key, LABELS_KEY) != 0)
            jw_str(&w, row->v[i].key, row->v[i].value);
    jw_raw(&w, LABELS_KEY, pairs_get(row, LABELS_KEY) ? pairs_get(row, LABELS_KEY) : "{}");
    jw_obj_end(&w);
    return json_parse(a, arena_strndup(a, b.data, b.len), b.len, out);
}

/* Docker lets people write \t and \n in a format. */
static char *unescape(struct arena *a, const char *s)
{
    autobuf struct buf b = {0};

    for (; *s; s++) {
        if (s[0] == '\\' && (s[1] == 't' || s[1] == 'n'))
            buf_putc(&b, *++s == 't' ? '\t' : '\n');
        else
            buf_putc(&b, *s);
    }
    return arena_strdup(a, b.data ? b.data : "");
}

static struct err *run_row(struct arena *a, const struct go_template *t, const struct pairs *row,
                           struct buf *out)
{
    const struct json *doc = NULL;
    struct err *e;

    TRY(document_of(a, row, &doc));
    e = template_run(a, t, doc, out);
    if (e)
        return err_wrap(e, "failed to execute template");
    buf_putc(out, '\n');
    return NULL;
}

static struct err *run_titles(struct arena *a, const struct go_template *t,
                              const struct pair *titles, struct buf *out)
{
    struct pairs row = {0};

    for (; titles->key; titles++)
        pairs_set(a, &row, titles->key, titles->value);
    return run_row(a, t, &row, out);
}

/* At a terminal no line is longer than that is wide; elsewhere programs read it. */
static void add_fitted(const struct rows *l, const char *text, struct buf *out)
{
    static const char *const none[] = {NULL};
    unsigned rows, width;

    if (isatty(STDOUT_FILENO) && tty_size(STDOUT_FILENO, &rows, &width) && width >= WIDTH_MIN)
        columns_fit(text, COLUMNS_CELL_MIN, width, l->expendable ? l->expendable : none, out);
    else
        columns_align(text, COLUMNS_CELL_MIN, out);
}

struct err *rows_print(struct arena *a, const struct rows *l, const char *format, bool is_quiet,
                       struct buf *out)
{
    autobuf struct buf text = {0};
    struct go_template *t = NULL;
    struct err *e;
    bool is_table, is_ours = text_is_empty(format) || strcmp(format, "table") == 0;

    if (is_quiet)
        format = l->quiet;
    else if (text_is_empty(format) || strcmp(format, "table") == 0)
        format = l->table;
    else if (strcmp(format, "json") == 0)
        format = "{{json .}}";
    is_table = text_starts(format, "table ");
    e = template_parse(a, unescape(a, format + (is_table ? 6 : 0)), &t);
    if (e)
        return err_wrap(e, "failed to parse template");
    if (is_table)
        TRY(run_titles(a, t, l->titles, &text));
    for (size_t i = 0; i < l->n; i++)
        TRY(run_row(a, t, &l->rows[i], &text));
    if (is_table && is_ours)
        add_fitted(l, text.data ? text.data : "", out);
    else if (is_table)
        columns_align(text.data ? text.data : "", COLUMNS_CELL_MIN, out);
    else
        buf_add(out, text.data ? text.data : "", text.len);
    return NULL;
}
