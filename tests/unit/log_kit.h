/* SPDX-License-Identifier: Apache-2.0 */
/* A json-file log in the test's directory, and what is done with it a line each. */
#pragma once

#include "stream/log.h"

#include "stream_kit.h"

#include <fcntl.h>
#include <sys/stat.h>

/* options: "max-size=1k,max-file=3", "driver=local" */
static inline struct log *log_open_with(struct kit *k, const char *options)
{
    struct pairs o = {0};
    struct strs items = text_split(test_arena, options, ',');
    struct log_spec spec = {.options = &o, .dir = test_dir(), .container_id = "c"};
    struct log *g;

    for (size_t i = 0; i < items.n; i++) {
        char *value = strchr(items.v[i], '=');

        *value = '\0';
        if (!strcmp(items.v[i], "driver"))
            spec.type = value + 1;
        else
            pairs_set(test_arena, &o, items.v[i], value + 1);
    }
    CHECK_OK(log_create(k->loop, k->pools, &spec, &g));
    return g;
}

static inline void log_flush_now(struct kit *k, struct log *g)
{
    bool is_flushed = false;

    log_flush(g, kit_set, &is_flushed);
    KIT_UNTIL(k, &is_flushed);
}

static inline void log_close(struct kit *k, struct log *g)
{
    bool is_gone = false;

    log_destroy(g, kit_set, &is_gone);
    KIT_UNTIL(k, &is_gone);
}

static inline void log_puts(struct log *g, int stream, const char *s)
{
    log_append(g, stream, clock_wall_ns(), s, strlen(s));
}

/* The whole file, "" when there is none. */
static inline char *file_text(const char *path)
{
    struct buf b = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char part[4096];
    ssize_t n;
    char *text;

    buf_puts(&b, "");
    while (fd >= 0 && (n = read(fd, part, sizeof(part))) > 0)
        buf_add(&b, part, (size_t)n);
    if (fd >= 0)
        close(fd);
    text = arena_strndup(test_arena, b.data, b.len);
    buf_finish(&b);
    return text;
}

#define ALL_LINES                                                                                  \
    {                                                                                              \
        .want_stdout = true, .want_stderr = true, .tail = -1                                       \
    }

/* What a query gives, until its end. */
static inline char *log_text(struct kit *k, struct log *g, const struct log_query *q)
{
    struct tsink t;
    struct log_reader *r;
    bool is_done = false;
    char *text;

    tsink_init(&t, k, true, 0);
    CHECK_OK(log_read(g, q, &t.sink, kit_set, &is_done, &r));
    KIT_UNTIL(k, &is_done);
    CHECK(t.is_ended);
    text = arena_strndup(test_arena, t.got.data, t.got.len);
    tsink_finish(&t);
    return text;
}
