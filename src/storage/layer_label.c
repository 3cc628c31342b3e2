/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layers_label: the files of layers may be read by all containers. An overlay shows them with its
 * own label, but the kernel asks for the real one when a program is mapped (up to Linux 6.1 and
 * beyond: file_map_prot_check sees the file below). Start-up.
 * A folder gets the label after all that is in it, so one that has it is done; what is made in
 * there later inherits it. What an engine without SELinux has brought meanwhile has none.
 */
#include <fcntl.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include "relabel.h"
#include "store.h"

static struct err *label_one(struct layer_store *s, const char *name, const char *context,
                             int *n_done)
{
    autoclose int dir = openat(s->layers, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir < 0 || relabel_is_done(dir, context))
        return NULL;
    ++*n_done;
    return relabel_tree(dir, context, name);
}

struct err *layers_label(struct layer_store *s, const char *context)
{
    autoarena struct arena *a = arena_create();
    int64_t begun_ns = clock_boot_ns();
    struct strs names = {0};
    int n_done = 0;

    ASSERT(s->magic == STORE_MAGIC);
    TRY(dir_names(a, s->layers, &names));
    for (size_t i = 0; i < names.n; i++)
        TRY(label_one(s, names.v[i], context, &n_done));
    if (!relabel_is_done(s->layers, context))
        TRY(relabel_one(s->layers, context, "layers"));
    if (n_done)
        log_info("layers have got their SELinux label", KV("label", context),
                 KV_INT("layers", n_done), KV_INT("ms", (clock_boot_ns() - begun_ns) / 1000000));
    return NULL;
}
