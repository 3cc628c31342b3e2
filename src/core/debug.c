/* SPDX-License-Identifier: Apache-2.0 */
/* The registry behind GET /debug/objects: a list of dump functions. Loop thread. */
#include "core/debug.h"

#include "core/loop.h"

struct dumper {
    struct list link;
    char *kind; /* what it dumps, for a debugger */
    void (*fn)(void *ctx, struct jw *w);
    void *ctx;
};

struct debug {
    struct list dumpers;
};

struct debug *debug_create(void)
{
    struct debug *d = mem_new(struct debug);

    list_init(&d->dumpers);
    return d;
}

void debug_destroy(struct debug *d)
{
    if (!d)
        return;
    list_each (it, &d->dumpers, struct dumper, link) {
        list_remove(&it->link);
        free(it->kind);
        free(it);
    }
    free(d);
}

void debug_register(struct debug *d, const char *kind, void (*fn)(void *ctx, struct jw *w),
                    void *ctx)
{
    struct dumper *it = mem_new(struct dumper);

    ASSERT(fn);
    it->kind = mem_strdup(kind);
    it->fn = fn;
    it->ctx = ctx;
    list_append(&d->dumpers, &it->link);
}

void debug_dump(struct debug *d, struct jw *w)
{
    ASSERT_LOOP();
    jw_obj(w, NULL);
    list_each (it, &d->dumpers, struct dumper, link)
        it->fn(it->ctx, w);
    jw_obj_end(w);
}
