/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors, paths and files. All O_CLOEXEC. Blocking calls: workers and start-up only. */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err *fd_set_nonblock(int fd) must_check;
struct err *fd_write_all(int fd, const void *p, size_t n) must_check; /* blocking fd */
struct err *fd_write_all_at(int fd, const void *p, size_t n, int64_t at) must_check;
/* The number the next descriptor gets: so many are in use at least. INT_MAX: none is left. */
int fd_lowest_free(void);
/* How many are open; on kernels that do not count them, at least that many may be. */
size_t fd_count(void);
/* pidfd, pipes: plain wrappers that set O_CLOEXEC. */
struct err *fd_pipe(int out[2], int flags) must_check; /* flags: O_NONBLOCK or 0 */
/* From the loop to a worker: reads block, writes do not. */
struct err *fd_pipe_to_worker(int out[2]) must_check;

/* openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS): `path` as the container sees
 * it, never leaving `root`. Returns -1 and errno. */
int fd_open_in_root(int root, const char *path, int flags, unsigned mode);
/* openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS). -1 and errno. */
int fd_open_beneath(int dir, const char *path, int flags, unsigned mode);
/* The same, but links are followed as long as they stay below. */
int fd_open_below(int dir, const char *path, int flags);

/* Opens for good what `seen` (O_PATH) names, when it is of that type (S_IFREG): whoever opens what
 * a container or an image has put somewhere looks first, since to open a device is to use it, and a
 * FIFO waits. -1 and errno: EINVAL for another type. */
int fd_reopen(int seen, mode_t type, int flags);
/* dir/name joined with exactly one slash. */
char *path_join(struct arena *a, const char *dir, const char *name);
/* Lexical: absolute, no "." "..", "//" or trailing slash. "" gives "/". */
char *path_clean(struct arena *a, const char *path);
/* Whether it ends with "/" or "/.", or is "." or "": the wish for a directory, and for what it
 * links to. */
bool path_means_directory(const char *path);
/* path_clean of it, below the working directory unless it is absolute. "" is ERR_INVALID. */
struct err *path_absolute(struct arena *a, const char *path, char **out) must_check;

struct err *dir_make_all(const char *path, unsigned mode) must_check; /* mkdir -p */
/* Names in a directory, without . and .. */
struct err *dir_names(struct arena *a, int dir, struct strs *out) must_check;
/* Removes a tree below dirfd without following links or crossing into mounts
 * (openat2 RESOLVE_NO_XDEV). Absent is success. */
struct err *dir_remove_tree(int dirfd, const char *name) must_check;

/* Whole file, NUL-terminated; ERR_TOO_LARGE above max. dirfd may be AT_FDCWD.
 * ERR_NOT_FOUND for ENOENT/ENOTDIR. */
struct err *file_read(struct arena *a, int dirfd, const char *path, size_t max, char **out,
                      size_t *out_len) must_check;
struct err *file_read_fd(struct arena *a, int fd, size_t max, char **out, size_t *out_len)
    must_check;
/* tmp + write [+ fsync] + rename [+ fsync of the directory]. */
struct err *file_write_atomic(int dirfd, const char *name, const void *p, size_t n, unsigned mode,
                              bool is_durable) must_check;
/* Plain write to an existing file such as a cgroup knob: one write(2). */
struct err *file_put(int dirfd, const char *name, const char *text) must_check;

/* SOCK_SEQPACKET with SCM_RIGHTS. Non-blocking sockets give EAGAIN. */
ssize_t fd_send_msg(int sock, const void *p, size_t n, const int *fds, size_t n_fds);
/* Received fds are O_CLOEXEC; *n_fds in: room, out: received. Truncated
 * messages or fds give -1/EMSGSIZE with everything received closed. */
ssize_t fd_recv_msg(int sock, void *p, size_t room, int *fds, size_t *n_fds);
