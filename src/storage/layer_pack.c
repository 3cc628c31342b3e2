/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_pack: a container's upper folder → tar → pipe → layer_unpack, so that a layer that is made
 * here went through the same checks as one that came from outside. A worker, and a thread of this
 * file that writes the tar.
 * Trap: a tar that is cut off at the end of an entry reads like a whole one. What the packing side
 * says counts first.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tar/pack.h"

#include "store.h"

#define PIECE_BYTES (256u << 10)

struct packer {
    struct tar_pack *pack;
    int to;          /* closed by the thread */
    bool has_reader; /* false: nobody reads any more, which is no fault of the packing side's */
    struct err *err;
};

static bool wrote(struct err *e)
{
    bool is_good = !e;

    err_drop(e);
    return is_good;
}

static void *run(void *ctx)
{
    struct packer *k = ctx;
    autobuf struct buf piece = {0};
    bool is_end = false;

    while (!k->err && !is_end && k->has_reader) {
        piece.len = 0;
        k->err = tar_pack_more(k->pack, PIECE_BYTES, &piece, &is_end);
        if (!k->err)
            k->has_reader = wrote(fd_write_all(k->to, piece.data, piece.len));
    }
    close(steal_fd(&k->to));
    return NULL;
}

/* Takes none of them: the reading end is closed here, before the thread is waited for. */
static struct err *pack_and_unpack(struct layer_store *s, struct packer *k,
                                   unpack_progress_fn progress, void *ctx,
                                   struct unpack_result *result, struct layer_draft **draft)
{
    autoclose int from = -1;
    pthread_t thread;
    int ends[2], sys;
    struct err *e;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys("make a pipe");
    from = ends[0];
    k->to = ends[1];
    sys = pthread_create(&thread, NULL, run, k);
    if (sys) {
        close(steal_fd(&k->to));
        return err_sysno(sys, "start a thread that packs");
    }
    e = layer_unpack(s, from, NULL, progress, ctx, result, draft);
    close(steal_fd(&from));
    pthread_join(thread, NULL);
    if (!k->err)
        return e;
    err_drop(e);
    layer_abort(steal_ptr(draft));
    return steal_ptr(&k->err);
}

/* The root itself is as rootfs_create has made it. */
static bool is_untouched(int upper)
{
    struct stat st;

    return fstat(upper, &st) == 0 && (st.st_mode & 07777) == 0755 && !st.st_uid && !st.st_gid;
}

struct err *layer_pack(struct layer_store *s, const char *container_id, unpack_progress_fn progress,
                       void *ctx, struct unpack_result *result, char **torn,
                       struct layer_draft **out)
{
    autofree char *path = mem_printf("%s/upper", container_id);
    autoclose int upper =
        openat(s->containers, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct packer k = {.to = -1, .has_reader = true};
    struct layer_draft *draft = NULL;
    struct err *e;

    ASSERT(s->magic == STORE_MAGIC && id_is_valid(container_id));
    if (upper < 0)
        return err_sys("open the files of container %.12s", container_id);
    k.pack = tar_pack_create(&(struct tar_pack_plan){upper, "./", "", NULL, true});
    e = pack_and_unpack(s, &k, progress, ctx, result, &draft);
    if (!e) {
        result->is_empty = result->entries <= 1 && is_untouched(upper);
        *torn = tar_pack_torn(k.pack) ? mem_strdup(tar_pack_torn(k.pack)) : NULL;
        *out = draft;
    }
    tar_pack_destroy(k.pack);
    return e;
}
