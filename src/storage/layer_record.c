/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes layer.json. Workers.
 * Trap: it is written without fsync, because the caller's syncfs covers it together with the
 * layer's files; on its own it proves nothing before the directory has its final name.
 */
#include "layer_record.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"

enum { RECORD_MAX = 16 << 10 };

static const struct jfield record_fields[] = {
    J(J_STR, struct layer_record, chain, "chain"),
    J(J_STR, struct layer_record, parent, "parent", .flags = J_OMIT),
    J(J_STR, struct layer_record, diff_id, "diffId"),
    J(J_STR, struct layer_record, blob, "blob"),
    J(J_I64, struct layer_record, size, "size"),
    J(J_I64, struct layer_record, tar_bytes, "tarBytes"),
    J(J_I64, struct layer_record, blob_bytes, "blobBytes"),
    J(J_I64, struct layer_record, entries, "entries"),
    J_END,
};
static const struct jtable record_json = {sizeof(struct layer_record), record_fields};

struct err *layer_record_read(struct arena *a, int layers, const char *hex,
                              struct layer_record *out)
{
    char *path = arena_printf(a, "%s/" LAYER_RECORD_NAME, hex), *text;
    size_t len;

    TRY(file_read(a, layers, path, RECORD_MAX, &text, &len));
    return json_decode(a, text, len, &record_json, out);
}

struct err *layer_record_write(int layer, const struct layer_record *r)
{
    autoarena struct arena *a = arena_create();
    char *text = json_encode(a, &record_json, r);

    ASSERT(layer >= 0 && r->chain);
    return file_write_atomic(layer, LAYER_RECORD_NAME, text, strlen(text), 0600, false);
}
