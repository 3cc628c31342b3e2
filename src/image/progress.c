/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress lines. Loop thread. The CLI draws its bars from "progressDetail", other
 * clients print "progress" as it is: a bar of 50 and two sizes.
 */
#include "progress.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

enum { BAR_WIDTH = 50 };

static void emit(const struct progress *p, const struct buf *line)
{
    if (p->fn)
        p->fn(p->ctx, line->data);
}

void progress_say(const struct progress *p, const char *id, const char *status)
{
    autobuf struct buf line = {0};
    struct jw w = {.out = &line};

    jw_obj(&w, NULL);
    jw_str(&w, "status", status);
    if (id)
        jw_str(&w, "id", id);
    jw_obj_end(&w);
    emit(p, &line);
}

void progress_state(const struct progress *p, const char *id, const char *status)
{
    autobuf struct buf line = {0};
    struct jw w = {.out = &line};

    jw_obj(&w, NULL);
    jw_str(&w, "status", status);
    jw_obj(&w, "progressDetail");
    jw_obj_end(&w);
    jw_str(&w, "id", id);
    jw_obj_end(&w);
    emit(p, &line);
}

/* "[==>      ]  1.2MB/3.4MB" */
static void add_bar(struct buf *b, struct arena *a, int64_t current, int64_t total)
{
    int done;

    if (total <= 0) {
        buf_printf(b, "%8s", text_size(a, current));
        return;
    }
    done = current >= total ? BAR_WIDTH : (int)((double)current / (double)total * BAR_WIDTH);
    buf_putc(b, '[');
    for (int i = 0; i < done; i++)
        buf_putc(b, '=');
    buf_putc(b, '>');
    for (int i = done; i < BAR_WIDTH; i++)
        buf_putc(b, ' ');
    buf_printf(b, "] %8s/%s", text_size(a, current), text_size(a, total));
}

/* "progressDetail" for clients that draw, "progress" for those that print. */
void progress_bytes(const struct progress *p, const char *id, const char *status, int64_t current,
                    int64_t total)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf line = {0}, bar = {0};
    struct jw w = {.out = &line};

    add_bar(&bar, a, current, total);
    jw_obj(&w, NULL);
    jw_str(&w, "status", status);
    jw_obj(&w, "progressDetail");
    jw_int(&w, "current", current);
    if (total > 0)
        jw_int(&w, "total", total);
    jw_obj_end(&w);
    jw_str(&w, "progress", bar.data);
    jw_str(&w, "id", id);
    jw_obj_end(&w);
    emit(p, &line);
}

void progress_stream(const struct progress *p, const char *text)
{
    autobuf struct buf line = {0};
    struct jw w = {.out = &line};

    jw_obj(&w, NULL);
    jw_str(&w, "stream", text);
    jw_obj_end(&w);
    emit(p, &line);
}

void progress_raw(const struct progress *p, const struct buf *line)
{
    emit(p, line);
}
