/* SPDX-License-Identifier: Apache-2.0 */
/* links: cli base */
/* A --format is typed by people: it may be wrong, never harmful. */
#include "base/err.h"

#include "columns.h"
#include "template.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "{\"A\":{\"b\":[1,2,{\"c\":null}]},\"S\":\"text\",\"T\":true}";
    autoarena struct arena *a = arena_create();
    autobuf struct buf out = {0}, table = {0};
    const struct json *root = NULL;
    struct go_template *t = NULL;
    struct err *e = json_parse(a, text, strlen(text), &root);

    if (!e)
        e = template_parse(
            a, arena_strndup(a, (const char *)data, strnlen((const char *)data, size)), &t);
    if (!e)
        e = template_run(a, t, root, &out);
    err_drop(e);
    columns_align(out.data ? out.data : "", COLUMNS_CELL_MIN, &table);
    return 0;
}
