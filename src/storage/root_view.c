/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's mounts as one detached tree. Mounts can be put onto one another only in a mount
 * namespace (kernels before 6.15), and a running container's are seen only in its own: a throw-away
 * thread makes or enters one, takes the tree out by open_tree(CLONE), and ends; the clone belongs
 * to no namespace. Workers. Trap: the clone is what was mounted at that moment. That is wanted: who
 * mounts and unmounts inside meanwhile cannot move what we read or write.
 */
#include "storage/root_view.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/text.h"

#include "store.h"

struct viewing {
    int pidfd; /* -1: assemble */
    struct layer_store *store;
    int root;
    const struct view_mount *mounts;
    size_t n;
    bool is_bare, is_read_only;
    struct root_view out;
    struct err *err;
};

/* ---- mount points ---- */

static struct err *make_point(int dir, const char *part, bool is_file, const char *path)
{
    int fd;

    if (!is_file)
        return mkdirat(dir, part, 0755) < 0 && errno != EEXIST
                   ? err_sys("make the mount point %s", path)
                   : NULL;
    fd = openat(dir, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 && errno != EEXIST)
        return err_sys("make the mount point %s", path);
    if (fd >= 0)
        close(fd);
    return NULL;
}

/* Part by part, links as the container sees them. */
static struct err *open_point(int root, const struct view_mount *m, int *out)
{
    autofree char *path = mem_strdup(m->target);
    autoclose int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);
    int fd = fd_open_in_root(root, m->target, O_PATH, 0);

    for (char *part = path + strspn(path, "/"); fd < 0 && *part;) {
        char *slash = strchr(part, '/');
        autoclose int above = steal_fd(&dir);

        if (slash)
            *slash = '\0';
        dir = fd_open_in_root(root, path, O_PATH, 0);
        if (dir < 0 && errno == ENOENT) {
            TRY(make_point(above, part, m->is_file && !slash, path));
            dir = fd_open_in_root(root, path, O_PATH, 0);
        }
        if (dir < 0)
            return err_sys("open the mount point %s", m->target);
        if (!slash) {
            fd = steal_fd(&dir);
            break;
        }
        *slash = '/';
        part = slash + 1 + strspn(slash + 1, "/");
    }
    if (fd < 0)
        return err_sys("open the mount point %s", m->target);
    *out = fd;
    return NULL;
}

/* ---- on the thread ---- */

/* One for each start that may come while the view is there (a detached clone cannot be cloned again
 * by us: Linux asks for the namespace it was made in). A start without one mounts anew. */
static void take_spares(int base, struct root_view *v)
{
    struct mount_attr plain = {.attr_clr = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE};

    while (v->n_spares < ROOT_VIEW_SPARES) {
        autoclose int fd = open_tree(base, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

        if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &plain, sizeof(plain)) < 0)
            return;
        v->spares[v->n_spares++] = steal_fd(&fd);
    }
}

/* Devices and programs are the container's; we look at files. Propagation ends here: a clone of a
 * shared mount would be its peer. */
static struct err *take(const struct viewing *v, int base, struct root_view *out)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                              .propagation = MS_PRIVATE},
                      read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    autoclose int tree = open_tree(base, "",
                                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                                       (v->is_bare ? 0 : AT_RECURSIVE));

    if (tree < 0)
        return err_sys("clone the mounts of a container%s", err_no_room());
    if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0 ||
        (v->is_read_only &&
         mount_setattr(tree, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)) < 0))
        return err_sys("set the attributes of a container's mounts");
    out->tree = steal_fd(&tree);
    take_spares(base, out);
    return NULL;
}

static struct err *attach(struct viewing *v, int *base)
{
    autofree char *place = mem_printf("%s/layers/tmp", v->store->data_root);

    if (unshare(CLONE_FS | CLONE_NEWNS) < 0)
        return err_sys("make a mount namespace%s", err_no_room());
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys("make mounts private");
    if (move_mount(v->root, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys("attach the root file system");
    *base = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *base < 0 ? err_sys("open the root file system") : NULL;
}

static struct err *assemble(struct viewing *v)
{
    autoclose int base = -1;

    TRY(attach(v, &base));
    for (size_t i = 0; i < v->n; i++) {
        autoclose int point = -1;

        TRY(open_point(base, &v->mounts[i], &point));
        if (move_mount(v->mounts[i].fd, "", point, "",
                       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
            return err_sys("mount %s", v->mounts[i].target);
    }
    return take(v, base, &v->out);
}

/* setns(2): the root of the thread becomes that of the namespace, not of the process, which may
 * have changed its own. CLONE_FS first, or it would be everybody's. */
static struct err *enter(struct viewing *v)
{
    autoclose int base = -1;

    if (unshare(CLONE_FS) < 0)
        return err_sys("leave the engine's root");
    if (setns(v->pidfd, CLONE_NEWNS) < 0)
        return errno == ESRCH ? err_new(ERR_CONFLICT, "the container has just ended")
                              : err_sys("enter the container's mount namespace");
    base = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return base < 0 ? err_sys("open the container's root") : take(v, base, &v->out);
}

static void *run(void *arg)
{
    struct viewing *v = arg;

    v->err = v->pidfd >= 0 ? enter(v) : assemble(v);
    return NULL;
}

static struct err *on_thread(struct viewing *v, struct root_view *out)
{
    pthread_t thread;
    int sys = pthread_create(&thread, NULL, run, v);

    if (sys)
        return err_sysno(sys, "start a thread");
    pthread_join(thread, NULL);
    if (!v->err)
        *out = v->out;
    return v->err;
}

/* ---- the rest ---- */

struct err *root_view_assemble(struct layer_store *s, int root, const struct view_mount *mounts,
                               size_t n, bool is_read_only, struct root_view *out)
{
    autoclose int owned = root;
    struct viewing v = {.pidfd = -1,
                        .store = s,
                        .root = owned,
                        .mounts = mounts,
                        .n = n,
                        .is_read_only = is_read_only,
                        .out = ROOT_VIEW_NONE};

    return on_thread(&v, out);
}

struct err *root_view_of_process(int pidfd, bool is_bare, struct root_view *out)
{
    struct viewing v = {.pidfd = pidfd, .is_bare = is_bare, .out = ROOT_VIEW_NONE};

    ASSERT(pidfd >= 0);
    return on_thread(&v, out);
}

void root_view_close(struct root_view *v)
{
    while (v->n_spares)
        close(v->spares[--v->n_spares]);
    if (v->tree >= 0)
        close(steal_fd(&v->tree));
}

int root_view_lend(struct root_view *v)
{
    return v->n_spares ? v->spares[--v->n_spares] : -1;
}
