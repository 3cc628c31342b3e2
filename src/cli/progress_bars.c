/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each id has a line of its own on the terminal, drawn over in place by moving the cursor up and
 * down. Where stdout is no terminal, messages that only move a bar are left out, as Docker does.
 */
#include "progress_bars.h"

#include "base/json.h"

#include "columns.h"
#include "printable.h"
#include "query.h"

#include <string.h>

#define MESSAGE_MAX (1u << 20)
#define IDS_MAX 1000
#define BAR_WIDTH_MAX 50

void progress_bars_finish(struct progress_bars *p)
{
    buf_finish(&p->partial);
}

/* Behind IDS_MAX all share the last line: what the engine sends does not bound our memory. */
static size_t line_of(struct progress_bars *p, const char *id, bool *out_is_new)
{
    *out_is_new = false;
    for (size_t i = 0; i < p->ids.n; i++)
        if (strcmp(p->ids.v[i], id) == 0)
            return i;
    *out_is_new = true;
    if (p->ids.n < IDS_MAX)
        strs_add(p->a, &p->ids, id);
    return p->ids.n - 1;
}

static void add_bar(struct progress_bars *p, const struct json *detail, struct buf *out)
{
    int64_t current = json_int(json_get(detail, "current"));
    int64_t total = json_int(json_get(detail, "total"));
    int room = p->width > 60 ? (int)p->width - 60 : 0;
    int width = room > BAR_WIDTH_MAX ? BAR_WIDTH_MAX : room;
    int done;

    if (total <= 0) {
        buf_printf(out, "%8s", size_fine(p->a, current));
        return;
    }
    done = current >= total ? width : (int)((double)current / (double)total * width);
    if (width) {
        buf_putc(out, '[');
        for (int i = 0; i < done; i++)
            buf_putc(out, '=');
        buf_printf(out, ">%*s] ", width - done, "");
    }
    if (current > total)
        buf_printf(out, "%8s", size_fine(p->a, current));
    else
        buf_printf(out, "%8s/%s", size_fine(p->a, current), size_fine(p->a, total));
}

/* Without numbers a message says something that was not there before ("Pull complete"). */
static bool has_bar(const struct json *detail)
{
    return json_int(json_get(detail, "current")) > 0 || json_int(json_get(detail, "total")) > 0;
}

/* On a terminal: go up to the id's line, clear it, draw, come back down. */
static void draw_in_place(struct progress_bars *p, const char *id, const char *status,
                          const struct json *detail)
{
    bool is_new;
    size_t line = line_of(p, id, &is_new), up;
    autobuf struct buf shown = {0};

    if (is_new)
        buf_puts(p->out, "\n");
    up = p->ids.n - line;
    buf_printf(&shown, "%s: %s ", id, status);
    if (has_bar(detail))
        add_bar(p, detail, &shown);
    buf_printf(p->out, "\033[%zuA\033[2K\r", up);
    columns_cut(shown.data, shown.len, p->width > 1 ? p->width - 1 : 1, p->out);
    buf_printf(p->out, "\r\033[%zuB", up);
}

/* What a registry or an image says: on a terminal without what that would obey. */
static const char *said(struct progress_bars *p, const struct json *message, const char *key)
{
    const char *text = json_str(json_get(message, key));
    autobuf struct buf b = {0};

    if (!text || !p->width)
        return text;
    printable_add(&b, text, strlen(text));
    return arena_strndup(p->a, b.data ? b.data : "", b.len);
}

static void show(struct progress_bars *p, const struct json *message)
{
    const char *id = said(p, message, "id");
    const char *status = said(p, message, "status");
    const char *stream = said(p, message, "stream");
    const struct json *detail = json_get(message, "progressDetail");

    if (stream) {
        buf_puts(p->out, stream);
    } else if (status && id && id[0] && p->width && detail) {
        draw_in_place(p, id, status, detail);
    } else if (status && (p->width || !has_bar(detail))) {
        /* a line without an id ends the block of lines above it */
        p->ids = (struct strs){0};
        if (id && id[0])
            buf_printf(p->out, "%s: ", id);
        buf_printf(p->out, "%s\n", status);
    }
}

/* An error ends the command: the engine has sent 200 long ago, so a message is its only way to
 * tell. */
static struct err *take_message(struct progress_bars *p, const char *text, size_t len)
{
    const struct json *message = NULL;
    const char *error, *id;

    while (len && strchr(" \r\t", text[0])) {
        text++;
        len--;
    }
    if (!len)
        return NULL;
    TRY(json_parse(p->a, text, len, &message));
    error = json_str(json_get(json_get(message, "errorDetail"), "message"));
    if (!error)
        error = json_str(json_get(message, "error"));
    if (error)
        return err_new(ERR_INTERNAL, "%s", error);
    id = json_str(json_get(json_get(message, "aux"), "ID"));
    if (id)
        p->last_aux_id = arena_strdup(p->a, id);
    show(p, message);
    return NULL;
}

struct err *progress_bars_feed(struct progress_bars *p, const char *bytes, size_t n)
{
    struct err *e = NULL;
    size_t at = 0;
    char *eol;

    buf_add(&p->partial, bytes, n);
    while (!e && p->partial.len > at &&
           (eol = memchr(p->partial.data + at, '\n', p->partial.len - at))) {
        size_t len = (size_t)(eol - p->partial.data) - at;

        e = take_message(p, p->partial.data + at, len);
        at += len + 1;
    }
    buf_drop_front(&p->partial, at);
    if (!e && p->partial.len > MESSAGE_MAX)
        return err_new(ERR_TOO_LARGE, "the engine sent a message that is too long");
    return e;
}
