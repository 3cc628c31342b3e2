/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's root file system: an overlay of layers as a detached mount, its
 * writable part, and the small files bound over /etc. Workers only.
 *
 *   DATA_ROOT/containers/<id>/{upper/, work/, hostname, hosts, resolv.conf, <id>-json.log}
 */
#pragma once

#include <sys/types.h>

#include "storage/layer.h"

struct db;
struct id_shift;

/* How a mount shows files; NULL, or NULL members: as they are. */
struct mount_as {
    const struct id_shift *shift; /* whose owners they get */
    const char *context; /* of SELinux: all that is on a new file system; binds write it on the
                            files themselves, wherever they have another */
};

/* Makes the container's directory with an empty upper/. What every container must have
 * (/.dockerenv, /etc/mtab, /proc, …) comes from one shared layer below the image's, which
 * rootfs_mount adds. ERR_CONFLICT when it exists. Leaves nothing when it fails. */
struct err *rootfs_create(struct layer_store *s, const char *id) must_check;
/* At most so many bytes in the container's writable part, by a project quota; before its first
 * mount. ERR_INVALID says what the file system or the kernel lacks. */
struct err *rootfs_limit(struct layer_store *s, const char *id, int64_t bytes) must_check;
/* Gives the quota's limit back, before rootfs_remove; none is success. */
void rootfs_unlimit(struct layer_store *s, const char *id);
/* chain: chain ids from the base up. Detached mount fd in *out; nothing appears in any mount
 * table. `is_volatile`: no syncfs at unmount (containers that are removed anyway). Kernels
 * without lowerdir+ (< 6.7) take another way to the same result. On the disk owners stay as they
 * are, also those of what the container writes. */
struct err *rootfs_mount(struct layer_store *s, const char *id, const struct strs *chain,
                         bool is_volatile, const struct mount_as *as, int *out) must_check;
/* An image as a detached mount, read-only, without set-id programs and devices. subpath: NULL, or
 * a path inside that must exist; *is_file: of a file. */
struct err *image_mount_open(struct layer_store *s, const struct strs *chain, const char *subpath,
                             const struct mount_as *as, int *out, bool *is_file) must_check;
/* Above `lower`, a directory on a mount that may be detached: writes go to the folder `path`, which
 * is made. ERR_INVALID where the kernel cannot. */
struct err *discard_open(int lower, const char *path, const struct mount_as *as, int *out)
    must_check;
/* The directory is renamed to trash at once, its files go in the background (rootfs_empty_trash).
 */
struct err *rootfs_remove(struct layer_store *s, const char *id) must_check;
void rootfs_empty_trash(struct layer_store *s); /* slow; removes what rootfs_remove put aside */
struct err *rootfs_list(struct layer_store *s, struct arena *a, struct strs *out) must_check;
/* Start-up. A directory is made with the sticky bit, which says: perhaps nobody was told of it
 * yet. It is taken away when the next engine finds the container's document. */
void rootfs_note_known(struct layer_store *s, const char *id);
/* Of one without a document: it goes to the trash, or to quarantine. */
void rootfs_put_aside(struct layer_store *s, const char *id, struct db *db);
/* Path of the container's directory, for logs and files. */
char *rootfs_dir(struct layer_store *s, struct arena *a, const char *id);
/* Docker's SizeRw and SizeRootFs: bytes in upper; those and the layers'. */
struct err *rootfs_usage(struct layer_store *s, const char *id, const struct strs *chain,
                         int64_t *rw_bytes, int64_t *root_bytes) must_check;

/* What the container has changed of its image, as docker diff shows it; in no order. */
enum rootfs_change { ROOTFS_CHANGED, ROOTFS_ADDED, ROOTFS_DELETED };
typedef void (*rootfs_change_fn)(void *ctx, const char *path, enum rootfs_change kind);
struct err *rootfs_changes(struct layer_store *s, const char *id, const struct strs *chain,
                           rootfs_change_fn fn, void *ctx) must_check;

/* A detached clone of one of the container's files (hosts, …) or any host path. */
struct bind_options_plan {
    bool read_only, non_recursive, create_dir;
    bool readonly_non_recursive; /* only the top mount becomes read-only */
    const char *must_be;         /* where the path has to lead; NULL or "": anywhere */
    unsigned long propagation;   /* MS_PRIVATE, MS_SLAVE, MS_SHARED | MS_REC …; 0: rprivate */
    struct mount_as as;
};
/* ERR_INVALID "bind source path does not exist: /x" (unless create_dir), and where the propagation
 * that is asked for has nowhere to come from. *is_file tells what the target must be. */
struct err *bind_open(const char *path, const struct bind_options_plan *o, int *out, bool *is_file)
    must_check;
/* ERR_INVALID: `place`, an open file that people know as `what`, is something of the host's that no
 * container may have relabelled. */
struct err *relabel_check(int place, const char *what) must_check;
/* `mount`, of a file, in the place of the one that is at `target` in the mount namespace of a
 * running process, which must be of that inode: ERR_CONFLICT when something else is there. */
struct err *bind_replace(int pidfd, int mount, const char *target, dev_t dev, ino_t ino) must_check;
/* tmpfs with Docker's option string ("size=64m,mode=1777,noexec"); default
 * noexec,nosuid,nodev. ERR_INVALID for unknown options. It can be written to, even if it shall be
 * read-only: what the options leave open comes from the folder that it covers. */
struct tmpfs_mount {
    int fd;
    bool has_mode, has_owner, is_readonly; /* said by the options */
};
/* uid= and gid= are ids of as->shift's user namespace, and its root's without. */
struct err *tmpfs_open(const char *options, const struct mount_as *as, struct tmpfs_mount *out)
    must_check;
/* Only the names of the options: the kernel judges values. Pure. */
struct err *tmpfs_check(const char *options) must_check;
