/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root, a real kernel: root file systems of 1, 3 and 200 layers by every way this kernel has,
 * what they show, that the host's mount table stays as it was, remounting after a crash of a
 * volatile one, and how long it takes. Prints TAP. With arguments, measures unpacking instead:
 *     storage_probe DATA_ROOT LAYER_FILE...
 */
/* links: storage */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "../unit/test_unpack_tar.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/id_map.h"
#include "storage/volume.h"
#include "store.h"

enum { LAYERS = 200, MOUNT_ROUNDS = 50 };

static int failures, count;

static void report(bool is_ok, const char *what, struct err *e)
{
    failures += !is_ok;
    printf("%sok %d - %s%s%s\n", is_ok ? "" : "not ", ++count, what, e ? ": " : "",
           e ? err_text(e) : "");
    err_drop(e);
}

static void need(struct err *e, const char *what)
{
    if (!e)
        return;
    printf("Bail out! %s: %s\n", what, err_text(e));
    exit(1);
}

/* One layer on top of `chain`; the new chain id is added. */
static void add_layer(struct layer_store *s, struct arena *a, struct strs *chain, struct buf *tar)
{
    autoclose int fd = tar_open(tar->data, tar->len);
    const char *parent = chain->n ? chain->v[chain->n - 1] : NULL;
    struct unpack_result r;
    struct layer_draft *d;
    char id[DIGEST_MAX];

    need(layer_unpack(s, fd, NULL, NULL, NULL, &r, &d), "unpack");
    layer_chain_id(parent, r.diff_id, id);
    need(layer_commit(d, parent, id, &r), "commit");
    strs_add(a, chain, id);
}

static void make_layers(struct layer_store *s, struct arena *a, struct strs *chain)
{
    for (int i = 0; i < LAYERS; i++) {
        autobuf struct buf t = {0};
        char name[32], text[32];

        snprintf(name, sizeof(name), "layer%d", i);
        snprintf(text, sizeof(text), "%d", i);
        tar_add(&t, (struct tar_file){name, '0', .data = text});
        tar_add(&t, (struct tar_file){"top", '0', .data = text});
        if (i == 0) {
            tar_add(&t, (struct tar_file){"dir", '5'});
            tar_add(&t, (struct tar_file){"dir/gone", '0', .data = "x"});
            tar_add(&t, (struct tar_file){"opaque/old", '0', .data = "x"});
            tar_add(&t, (struct tar_file){"data/content", '0', .data = "x", .mode = 04755});
        }
        if (i == 1) {
            tar_add(&t, (struct tar_file){"dir/.wh.gone", '0'});
            tar_add(&t, (struct tar_file){"opaque/.wh..wh..opq", '0'});
            tar_add(&t, (struct tar_file){"opaque/new", '0', .data = "x"});
        }
        tar_end(&t);
        add_layer(s, a, chain, &t);
    }
}

static bool file_is(int root, const char *path, const char *wanted)
{
    autoarena struct arena *a = arena_create();
    size_t len;
    char *text;
    struct err *e = file_read(a, root, path, 4096, &text, &len);
    bool is_same = !e && !strcmp(text, wanted);

    err_drop(e);
    return is_same;
}

static bool has(int root, const char *path)
{
    return faccessat(root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static char *mount_table(struct arena *a)
{
    char *text;
    size_t len;

    need(file_read(a, AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &text, &len), "mountinfo");
    return text;
}

static void check_one(struct layer_store *s, const struct strs *all, size_t n, bool is_volatile,
                      const char *way)
{
    autoarena struct arena *a = arena_create();
    struct strs chain = {all->v, n};
    char id[ID_MAX], text[32];
    char *before = mount_table(a);
    int root = -1;
    struct err *e;

    id_random(id);
    need(rootfs_create(s, id), "rootfs_create");
    for (int i = 0; i < 2; i++) {
        e = rootfs_mount(s, id, &chain, is_volatile, NULL, &root);
        report(!e,
               arena_printf(a, "%s: %zu layers%s, mount %d", way, n,
                            is_volatile ? ", volatile" : "", i + 1),
               e);
        if (root < 0)
            return;
        snprintf(text, sizeof(text), "%zu", n - 1);
        report(file_is(root, "top", text) && file_is(root, "layer0", "0"), "content", NULL);
        report(has(root, "etc/hosts") && has(root, "proc") && has(root, ".dockerenv"), "init layer",
               NULL);
        report(has(root, "dir/gone") == (n == 1) && has(root, "opaque/old") == (n == 1) &&
                   has(root, "opaque/new") == (n > 1),
               "whiteouts", NULL);
        report(i ? file_is(root, "written", "w") : true, "what was written is there", NULL);
        e = file_write_atomic(root, "written", "w", 1, 0644, false);
        report(!e, "upper takes writes", e);
        report(!strcmp(before, mount_table(a)), "the mount table is unchanged", NULL);
        close(root);
        root = -1;
    }
    need(rootfs_remove(s, id), "remove");
    rootfs_empty_trash(s);
}

enum { SHIFT = 200000, SHIFTED_IDS = 65536 };

static void put_text(const char *path, const char *text)
{
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        need(err_sys("write %s", path), "a user namespace");
}

static int make_userns(struct arena *a, struct id_map *map)
{
    char *text;
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    int fd;

    if (pid == 0)
        for (;;)
            pause();
    need(id_ranges_add(&map->uids, SHIFT, SHIFTED_IDS), "ids");
    map->gids = map->uids;
    text = id_ranges_text(a, &map->uids);
    put_text(arena_printf(a, "/proc/%d/uid_map", pid), text);
    put_text(arena_printf(a, "/proc/%d/gid_map", pid), text);
    fd = open(arena_printf(a, "/proc/%d/ns/user", pid), O_RDONLY | O_CLOEXEC);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return fd;
}

static bool owner_is(int root, const char *path, uid_t uid)
{
    struct stat st;

    return fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == uid &&
           st.st_gid == uid;
}

/* The namespace's root makes, replaces and removes; the next who has the host's ids finds it all.
 */
static void check_shifted(struct layer_store *s, const struct strs *all, size_t n, const char *way)
{
    autoarena struct arena *a = arena_create();
    struct strs chain = {all->v, n};
    struct id_map map = {0};
    autoclose int userns = make_userns(a, &map);
    const struct id_shift shift = {&map, userns};
    const struct mount_as as = {.shift = &shift};
    autoclose int root = -1;
    char id[ID_MAX];
    bool is_done;
    struct err *e;

    id_random(id);
    need(rootfs_create(s, id), "rootfs_create");
    e = rootfs_mount(s, id, &chain, false, &as, &root);
    report(!e, arena_printf(a, "%s: %zu layers with the owners of a user namespace", way, n), e);
    if (root < 0)
        return;
    report(owner_is(root, "top", SHIFT) && owner_is(root, "data", SHIFT), "owners", NULL);
    setfsgid(SHIFT);
    setfsuid(SHIFT);
    is_done = mkdirat(root, "made", 0755) == 0 && unlinkat(root, "layer0", 0) == 0;
    setfsuid(0);
    setfsgid(0);
    is_done = is_done && fchownat(root, "data/content", SHIFT + 5, SHIFT + 5, 0) == 0;
    report(is_done && owner_is(root, "made", SHIFT), "root of the namespace writes", NULL);
    close(steal_fd(&root));
    need(rootfs_mount(s, id, &chain, false, NULL, &root), "mount");
    report(owner_is(root, "made", 0) && owner_is(root, "data/content", 5) && !has(root, "layer0"),
           "on the disk nothing is shifted", NULL);
    need(rootfs_remove(s, id), "remove");
    rootfs_empty_trash(s);
}

static void measure_mounts(struct layer_store *s, const struct strs *all, size_t n, const char *way)
{
    struct strs chain = {all->v, n};
    int64_t mount_ns = 0, create_ns = 0;
    char id[ID_MAX];

    for (int i = 0; i < MOUNT_ROUNDS; i++) {
        int64_t at[3];
        int root;

        id_random(id);
        at[0] = clock_boot_ns();
        need(rootfs_create(s, id), "create");
        at[1] = clock_boot_ns();
        need(rootfs_mount(s, id, &chain, false, NULL, &root), "mount");
        at[2] = clock_boot_ns();
        close(root);
        create_ns += at[1] - at[0];
        mount_ns += at[2] - at[1];
        need(rootfs_remove(s, id), "remove");
    }
    rootfs_empty_trash(s);
    printf("# %s, %zu layers: rootfs_create %.3f ms, rootfs_mount %.3f ms\n", way, n,
           (double)create_ns / MOUNT_ROUNDS / 1e6, (double)mount_ns / MOUNT_ROUNDS / 1e6);
}

static void check_ways(struct layer_store *s, const struct strs *chain)
{
    static const char *const names[] = {"?", "by detached", "by fd", "by string", "by mount"};
    enum overlay_way best = s->overlay_way;

    for (enum overlay_way way = best; way <= OVERLAY_BY_MOUNT; way++) {
        s->overlay_way = way;
        check_one(s, chain, 1, false, names[way]);
        check_one(s, chain, 3, true, names[way]);
        check_one(s, chain, LAYERS, false, names[way]);
        check_shifted(s, chain, 3, names[way]);
        check_shifted(s, chain, LAYERS, names[way]);
        measure_mounts(s, chain, 3, names[way]);
        measure_mounts(s, chain, LAYERS, names[way]);
    }
    s->overlay_way = best;
}

/* ---- binds, tmpfs, volumes ---- */

static void check_propagation(const char *dir, bool is_shared)
{
    static const unsigned long types[] = {MS_SLAVE | MS_REC, MS_SHARED | MS_REC, MS_SLAVE,
                                          MS_PRIVATE};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const struct bind_options_plan o = {.propagation = types[i], .non_recursive = i == 2};
        bool is_file;
        int fd = -1;
        struct err *e = bind_open(dir, &o, &fd, &is_file);

        report(!!e == (!is_shared && types[i] != MS_PRIVATE), "bind with propagation", e);
        if (!e)
            close(fd);
    }
}

static void check_propagations(const char *dir)
{
    check_propagation(dir, false);
    if (mount(dir, dir, NULL, MS_BIND, NULL) || mount(NULL, dir, NULL, MS_SHARED, NULL))
        report(false, "a shared mount", NULL);
    check_propagation(dir, true);
    umount(dir);
}

static void check_binds(const char *dir, struct arena *a)
{
    const struct bind_options_plan ro = {.read_only = true};
    const struct bind_options_plan make = {.create_dir = true};
    char *before = mount_table(a);
    bool is_file = true;
    int fd = -1;
    struct err *e = bind_open(dir, &ro, &fd, &is_file);

    report(!e && !is_file, "read-only bind", e);
    report(openat(fd, "x", O_CREAT | O_WRONLY, 0600) < 0 && errno == EROFS, "refuses writes", NULL);
    close(fd);
    e = bind_open(path_join(a, dir, "no/such"), &ro, &fd, &is_file);
    report(e && err_kind(e) == ERR_INVALID && strstr(err_text(e), "does not exist"),
           "missing source", e);
    e = bind_open(path_join(a, dir, "made/here"), &make, &fd, &is_file);
    report(!e && !is_file, "create_dir", e);
    close(fd);
    e = bind_open("/etc/passwd", &ro, &fd, &is_file);
    report(!e && is_file, "bind of a file", e);
    close(fd);
    report(!strcmp(before, mount_table(a)), "the mount table is unchanged", NULL);
}

static void check_tmpfs(void)
{
    struct stat st;
    struct tmpfs_mount t = {.fd = -1};
    struct err *e = tmpfs_open("size=64m,mode=1700,exec", NULL, &t);

    report(!e && fstat(t.fd, &st) == 0 && (st.st_mode & 07777) == 01700, "tmpfs", e);
    report(t.has_mode && !t.has_owner && !t.is_readonly, "what the options say", NULL);
    close(t.fd);
    e = tmpfs_open("size=64m,frobnicate", NULL, &t);
    report(e && err_kind(e) == ERR_INVALID, "unknown tmpfs option", e);
    e = tmpfs_open("size=lots", NULL, &t);
    report(e && err_kind(e) == ERR_INVALID, "bad tmpfs value", e);
}

static void check_volumes(struct layer_store *s, const struct strs *all, const char *dir,
                          struct arena *a)
{
    struct strs chain = {all->v, 3};
    struct pairs plain = {0}, bind = {0};
    char *data = path_join(a, dir, "vol/_data"), id[ID_MAX];
    struct stat st;
    bool is_file = false;
    int root, fd = -1;
    struct err *e;

    need(dir_make_all(data, 0755), "mkdir");
    id_random(id);
    need(rootfs_create(s, id), "create");
    need(rootfs_mount(s, id, &chain, false, NULL, &root), "mount");
    e = volume_copy_up(data, &plain, NULL, root, "/data");
    report(!e && stat(path_join(a, data, "content"), &st) == 0 && (st.st_mode & 07777) == 04755,
           "copy up", e);
    unlink(path_join(a, data, "content"));
    need(dir_make_all(path_join(a, data, "sub"), 0755), "mkdir");
    e = volume_copy_up(data, &plain, NULL, root, "/data");
    report(!e && stat(path_join(a, data, "content"), &st) < 0, "no copy up into what is not empty",
           e);
    e = volume_copy_up(data, &plain, "sub", root, "/data");
    report(!e && stat(path_join(a, data, "sub/content"), &st) == 0, "copy up into a subpath", e);
    (void)!symlink("sub", path_join(a, data, "inner"));
    (void)!symlink("/etc", path_join(a, data, "outer"));
    e = volume_copy_up(data, &plain, "outer", root, "/data");
    report(e && err_kind(e) == ERR_INVALID, "copy up does not follow a link out", e);
    e = volume_copy_up(data, &plain, NULL, root, "/no/such");
    report(!e, "nothing to copy up", e);
    close(root);
    need(rootfs_remove(s, id), "remove");
    rootfs_empty_trash(s);

    e = volume_open_mount(data, &plain, false, NULL, NULL, NULL, &fd, &is_file);
    report(!e && has(fd, "sub"), "plain volume", e);
    close(fd);
    e = volume_open_mount(data, &plain, true, "inner/content", NULL, NULL, &fd, &is_file);
    report(!e && is_file, "a subpath that is a file, by a link inside", e);
    close(fd);
    e = volume_open_mount(data, &plain, true, "sub", NULL, NULL, &fd, &is_file);
    report(!e && openat(fd, "x", O_CREAT | O_WRONLY, 0600) < 0 && errno == EROFS, "ro subpath", e);
    close(fd);
    e = volume_open_mount(data, &plain, true, "outer", NULL, NULL, &fd, &is_file);
    report(e && err_kind(e) == ERR_INVALID, "a subpath cannot leave the volume", e);
    pairs_set(a, &bind, "type", "none");
    pairs_set(a, &bind, "o", "bind");
    pairs_set(a, &bind, "device", "/etc");
    e = volume_open_mount(data, &bind, true, NULL, NULL, NULL, &fd, &is_file);
    report(!e && has(fd, "passwd"), "bind volume", e);
    close(fd);
}

/* ---- unpacking speed ---- */

static int measure_unpack(const char *root, char **files)
{
    struct layer_store *s;

    need(layer_store_open(root, &s), "open");
    for (; *files; files++) {
        autoclose int fd = open(*files, O_RDONLY | O_CLOEXEC);
        int64_t at = clock_boot_ns();
        struct unpack_result r;
        struct layer_draft *d;
        double unpack_s, commit_s;

        need(layer_unpack(s, fd, NULL, NULL, NULL, &r, &d), *files);
        unpack_s = (double)(clock_boot_ns() - at) / 1e9;
        at = clock_boot_ns();
        need(layer_commit(d, NULL, r.diff_id, &r), "commit");
        commit_s = (double)(clock_boot_ns() - at) / 1e9;
        printf("# %s: %lld entries, %.0f MB of tar, unpack %.2f s (%.0f MB/s), commit %.2f s\n",
               *files, (long long)r.entries, (double)r.tar_bytes / 1e6, unpack_s,
               (double)r.tar_bytes / 1e6 / unpack_s, commit_s);
        need(layer_remove(s, r.diff_id), "remove");
    }
    layer_store_close(s);
    return 0;
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/storage-probe-XXXXXX";
    struct arena *a = arena_create();
    struct strs chain = {0};
    struct layer_store *s;

    if (argc > 2)
        return measure_unpack(argv[1], argv + 2);
    if (geteuid() != 0) {
        printf("1..0 # SKIP needs root\n");
        return 0;
    }
    if (!mkdtemp(dir))
        return 1;
    need(layer_store_open(dir, &s), "open");
    make_layers(s, a, &chain);
    check_ways(s, &chain);
    check_binds(dir, a);
    check_propagations(dir);
    check_tmpfs();
    check_volumes(s, &chain, dir, a);
    layer_store_close(s);
    need(dir_remove_tree(AT_FDCWD, dir), "remove");
    arena_destroy(a);
    printf("1..%d\n", count);
    return failures != 0;
}
