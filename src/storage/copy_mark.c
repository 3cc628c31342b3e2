/* SPDX-License-Identifier: Apache-2.0 */
/* Marks of copies into containers: copy_mark.h. Workers. */
#include "storage/copy_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "tar/place.h"

#include "store.h"

#define MARK_BYTES_MAX (2 * PATH_MAX)

struct err *copy_mark_begin(struct layer_store *s, const char *id, struct copy_mark *m)
{
    char random[TMP_NAME_MAX];

    store_tmp_name(random);
    snprintf(m->name, sizeof(m->name), "%s.%s", id, random);
    m->store = s;
    m->fd = openat(s->copies, m->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return m->fd < 0 ? err_sys("note the copy") : NULL;
}

struct err *copy_mark_set(struct copy_mark *m, const char *parent, const char *name)
{
    autofree char *path = mem_printf("%s/%s", parent, name);

    return fd_write_all_at(m->fd, path, strlen(path) + 1, 0);
}

void copy_mark_end(struct copy_mark *m)
{
    if (m->fd < 0)
        return;
    close(steal_fd(&m->fd));
    (void)!unlinkat(m->store->copies, m->name, 0);
}

struct err *copy_marks_list(struct layer_store *s, struct arena *a, struct strs *out)
{
    return dir_names(a, s->copies, out);
}

/* "": it never named anything. */
static struct err *read_mark(struct layer_store *s, const char *mark, char out[MARK_BYTES_MAX])
{
    autoclose int fd = openat(s->copies, mark, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, out, MARK_BYTES_MAX - 1, 0);

    if (n < 0)
        return err_sys("read the note of a copy");
    out[n] = '\0';
    return NULL;
}

static bool is_ours(const char *base)
{
    size_t n = strlen(TAR_PLACE_OURS);

    return text_starts(base, TAR_PLACE_OURS) && strlen(base) == n + 16 &&
           strspn(base + n, "0123456789abcdef") == 16;
}

/* It may have moved meanwhile, and what is there now may be a link: then nothing is removed. */
static bool remove_named(int tree, char *path)
{
    char *slash = strrchr(path, '/');
    autoclose int dir = -1;

    if (!slash || !is_ours(slash + 1))
        return false;
    *slash = '\0';
    dir = fd_open_in_root(tree, *path ? path : "/", O_PATH | O_DIRECTORY, 0);
    return dir >= 0 && unlinkat(dir, slash + 1, 0) == 0;
}

struct err *copy_mark_clear(struct layer_store *s, const char *mark, int tree, bool *found)
{
    char path[MARK_BYTES_MAX];

    *found = false;
    if (tree >= 0) {
        TRY(read_mark(s, mark, path));
        *found = remove_named(tree, path);
    }
    return unlinkat(s->copies, mark, 0) < 0 && errno != ENOENT
               ? err_sys("remove the note of a copy")
               : NULL;
}
