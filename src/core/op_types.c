/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of all operations of this program: the linker gathers what OP_LISTED puts into the
 * section "op_types" (see ld(1), __start_SECNAME). Any thread; it never changes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "op_inner.h"

extern const struct op_type *const __start_op_types[] __attribute__((weak));
extern const struct op_type *const __stop_op_types[] __attribute__((weak));

bool op_type_is_listed(const struct op_type *type)
{
    for (const struct op_type *const *t = __start_op_types; t < __stop_op_types; t++)
        if (*t == type)
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void op_types_dump(struct buf *out)
{
    autoarena struct arena *a = arena_create();
    struct strs lines = {0};

    for (const struct op_type *const *t = __start_op_types; t < __stop_op_types; t++)
        for (const struct op_step *step = (*t)->steps; step->name; step++)
            strs_add(
                a, &lines,
                arena_printf(a, "%s:%s %s", (*t)->name, step->name, op_place_name(step->place)));
    if (lines.n)
        qsort(lines.v, lines.n, sizeof(*lines.v), by_text);
    for (size_t i = 0; i < lines.n; i++)
        if (!i || strcmp(lines.v[i], lines.v[i - 1]) != 0)
            buf_printf(out, "%s\n", lines.v[i]);
}
