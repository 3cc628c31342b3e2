/* SPDX-License-Identifier: Apache-2.0 */
/* links: base core */
/* The registry of dump functions. */
#include "core/debug.h"

#include "core/loop.h"

#include "test.h"

static void dump(void *ctx, struct jw *w)
{
    jw_arr(w, ctx);
    jw_str(w, NULL, "one");
    jw_arr_end(w);
}

TEST(every_kind_is_shown_once_in_order)
{
    struct loop *l = loop_create();
    struct debug *d = debug_create();
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    debug_register(d, "containers", dump, "containers");
    debug_register(d, "images", dump, "images");
    debug_dump(d, &w);
    CHECK_STR(b.data, "{\"containers\":[\"one\"],\"images\":[\"one\"]}");
    debug_destroy(d);
    debug_destroy(NULL);
    loop_destroy(l);
}
