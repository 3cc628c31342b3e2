/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of a build. Stages run side by side, and are heard one after the other, so that what a
 * client shows reads as Docker's. Memory is bounded: a stage that waits to be heard, and a client
 * that does not read, lose what a command says beyond that, and are told. Loop thread.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#include "build_inner.h"

enum { HELD_MAX = 16 << 20, STDERR_ROOM = 16 };

static bool is_heard(const struct build_stage *s)
{
    const struct build *b = s->build;

    for (size_t i = 0; i < s->index; i++)
        if (b->stages[i].is_wanted && b->stages[i].state != STAGE_DONE)
            return false;
    return true;
}

static void keep_line(struct buf *out, const char *json)
{
    buf_puts(out, json);
    buf_putc(out, '\0');
}

/* Takes one object of JSON. */
static void emit(struct build *b, const char *json, bool may_drop)
{
    if (!b->options.is_quiet) {
        if (b->line)
            b->line(b->ctx, json, may_drop);
    } else if (!may_drop || b->quiet.len < HELD_MAX) {
        keep_line(&b->quiet, json);
    }
}

static void hold(struct build_stage *s, const char *json, bool may_drop)
{
    struct build *b = s->build;
    size_t before = s->held.len;

    if (may_drop && s->is_clipped)
        return;
    if (may_drop && b->held_bytes > HELD_MAX) {
        s->is_clipped = true;
        json = "{\"stream\":\"[output clipped: more is said than is kept until the stages before "
               "this one have ended]\\n\"}";
    }
    keep_line(&s->held, json);
    b->held_bytes += s->held.len - before;
}

static void say_json(struct build_stage *s, const char *json, bool may_drop)
{
    if (is_heard(s))
        emit(s->build, json, may_drop);
    else
        hold(s, json, may_drop);
}

void stage_say_json(struct build_stage *s, const char *json)
{
    say_json(s, json, true);
}

static void put_stream(struct buf *out, const char *p, size_t n)
{
    struct jw w = {.out = out};

    jw_obj(&w, NULL);
    jw_strn(&w, "stream", p, n);
    jw_obj_end(&w);
}

void stage_say_bytes(struct build_stage *s, const char *p, size_t n, bool is_stderr)
{
    autobuf struct buf json = {0}, red = {0};

    if (is_stderr) { /* as Docker's builder, whose clients show it in red */
        buf_reserve(&red, n + STDERR_ROOM);
        buf_puts(&red, "\033[91m");
        buf_add(&red, p, n);
        buf_puts(&red, "\033[0m");
        p = red.data;
        n = red.len;
    }
    put_stream(&json, p, n);
    say_json(s, json.data, true);
}

void stage_say(struct build_stage *s, const char *fmt, ...)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf json = {0};
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    put_stream(&json, text, strlen(text));
    say_json(s, json.data, false);
}

void build_say(struct build *b, const char *fmt, ...)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf json = {0};
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    put_stream(&json, text, strlen(text));
    emit(b, json.data, false);
}

void build_say_result(struct build *b, const char *id)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf json = {0};
    const char *text = arena_printf(a, "%s\n", id);

    if (!b->options.is_quiet || !b->line)
        return;
    put_stream(&json, text, strlen(text));
    b->line(b->ctx, json.data, false);
}

void stage_say_id(struct build_stage *s)
{
    autobuf struct buf json = {0};
    struct jw w = {.out = &json};

    jw_obj(&w, NULL);
    jw_obj(&w, "aux");
    jw_str(&w, "ID", image_id(s->image));
    jw_obj_end(&w);
    jw_obj_end(&w);
    say_json(s, json.data, false);
}

void stage_say_image(struct build_stage *s)
{
    stage_say(s, " ---> %.*s\n", ID_SHORT, s->image ? digest_hex(image_id(s->image)) : "");
}

static void let_out(struct build_stage *s)
{
    struct buf held = s->held;

    s->held = (struct buf){0};
    s->build->held_bytes -= held.len;
    for (size_t at = 0; at < held.len; at += strlen(held.data + at) + 1)
        emit(s->build, held.data + at, false);
    buf_finish(&held);
}

void build_hear(struct build *b)
{
    for (size_t i = 0; i < b->n_stages; i++) {
        if (!b->stages[i].is_wanted)
            continue;
        let_out(&b->stages[i]);
        if (b->stages[i].state != STAGE_DONE)
            return;
    }
}

void build_hear_all(struct build *b)
{
    for (size_t i = 0; i < b->n_stages; i++)
        let_out(&b->stages[i]);
    for (size_t at = 0; at < b->quiet.len; at += strlen(b->quiet.data + at) + 1)
        if (b->line)
            b->line(b->ctx, b->quiet.data + at, false);
    buf_finish(&b->quiet);
}
