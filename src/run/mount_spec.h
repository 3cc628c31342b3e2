/* SPDX-License-Identifier: Apache-2.0 */
/* One mount as a request names it becomes a mount point. Pure, any thread. */
#pragma once

#include "base/text.h"

struct mount_point;
struct mount_request;

struct mount_mode { /* "ro,z,rslave" */
    bool is_readonly, no_copy, follow;
    const char *propagation; /* NULL: none was given */
};

/* Each kind of word at most once, as Docker. False: it is no mode. */
bool mount_mode_parse(struct arena *a, const char *text, struct mount_mode *out);
bool mount_is_propagation(const char *text);
/* Of a mode that was parsed: 'z', 'Z', or 0: files keep their SELinux labels. */
char mount_label_word(const char *mode);
/* The path cleaned; ERR_INVALID for a relative one and for the root. */
struct err *mount_destination(struct arena *a, const char *path, char **out) must_check;
/* "source:destination[:mode]" of Binds; driver: of a volume that is made for it, NULL: local. */
struct err *mount_from_bind(struct arena *a, const char *spec, const char *driver,
                            struct mount_point *out) must_check;
/* Of Mounts. */
struct err *mount_from_request(struct arena *a, const struct mount_request *r,
                               struct mount_point *out) must_check;
/* Of Tmpfs: a path and options. */
struct err *mount_from_tmpfs(struct arena *a, const struct pair *t, struct mount_point *out)
    must_check;
