/* SPDX-License-Identifier: Apache-2.0 */
/* A log file as readers see it, compressed or not: bytes at offsets; see logview.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct logzip_index;
struct logview {
    int fd;                   /* -1: closed */
    struct logzip_index *zip; /* NULL: the file is as it was written */
};
#define LOGVIEW_CLOSED ((struct logview){.fd = -1})
void logview_open(struct logview *v, int fd); /* takes the fd */
void logview_close(struct logview *v);
int64_t logview_size(const struct logview *v);
/* Up to n bytes at off; short at the end or on an error. */
size_t logview_pread(struct logview *v, char *p, size_t n, int64_t off);

/* ---- logzip.c ---- */
/* The whole of `in` into `out`, with the index behind it. False and errno. */
bool logzip_write(int in, int out);
/* NULL: it is no file of ours. */
struct logzip_index *logzip_open(int fd);
void logzip_close(struct logzip_index *z);
int64_t logzip_size(const struct logzip_index *z);
size_t logzip_pread(struct logzip_index *z, int fd, char *p, size_t n, int64_t off);
