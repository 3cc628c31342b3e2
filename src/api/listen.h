/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: made at a path or an address, or given by the service manager. Start-up,
 * blocking. */
#pragma once

#include "base/text.h"

#define LISTEN_BACKLOG 4096

/* A unix stream socket, mode 0660, of `group` when it exists. A file left by a dead process is
 * replaced; ERR_CONFLICT when somebody listens there. */
struct err *listen_unix(const char *path, const char *group, int *out) must_check;
/* A TCP socket at "127.0.0.1:9323" or "[::1]:9323": numbers, no names. */
struct err *listen_tcp(const char *address, int *out) must_check;
/* The sockets of LISTEN_FDS, at most `room`; none when the service manager has given us none. */
struct err *listen_given(int *fds, size_t room, size_t *out_n) must_check;
/* The path that a socket is bound to is this one. */
bool listen_is_at(int fd, const char *path);
