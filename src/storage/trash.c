/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trash. A removal is a rename, which works on a full disk and takes no time; the files go
 * when a worker empties it. Workers and start-up.
 * Trap: two workers may empty at once, and a container's overlay may still be in use by a
 * dying process: what cannot go now stays and is tried again next time.
 */
#include "trash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"

#include "store.h"

void trash_empty(int trash)
{
    autoarena struct arena *a = arena_create();
    struct strs names = {0};
    struct err *e = dir_names(a, trash, &names);

    ASSERT(trash >= 0);
    for (size_t i = 0; !e && i < names.n; i++) {
        e = dir_remove_tree(trash, names.v[i]);
        if (!e)
            continue;
        log_debug("trash entry stays", KV("name", names.v[i]), KV("error", err_text(e)));
        err_drop(steal_ptr(&e));
    }
    err_drop(e);
}

struct err *trash_put_as(int dir, const char *name, int trash, const char *new_name)
{
    ASSERT(dir >= 0 && trash >= 0);
    if (renameat(dir, name, trash, new_name) == 0 || errno == ENOENT)
        return NULL;
    if (errno == ENOSPC || errno == EDQUOT) { /* it had to grow: what lies in it makes room */
        trash_empty(trash);
        if (renameat(dir, name, trash, new_name) == 0)
            return NULL;
    }
    return err_sys("put %s into the trash", name);
}

struct err *trash_put(int dir, const char *name, int trash)
{
    char new_name[TMP_NAME_MAX];

    store_tmp_name(new_name);
    return trash_put_as(dir, name, trash, new_name);
}
