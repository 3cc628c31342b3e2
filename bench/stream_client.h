/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams of an engine as a client has them: attach, exec and logs over its Unix socket, and
 * the decoding of chunks and frames. Exits with a message when something is not as it must be.
 */
#pragma once

#include "api_client.h"

struct stream {
    int fd;
    bool is_chunked, is_framed;
    size_t chunk_left, frame_left;
    char line[32]; /* of a chunk's head, or a frame's */
    size_t line_n;
    int chunk_state;
    char early[4096]; /* came with the head */
    size_t early_n;
    bool has_ended; /* the last chunk has come */
};

/* One request on a connection of its own, and the head of its answer; status 101 or 200, else exit.
 * is_framed: multiplexed frames follow. */
void stream_open(struct stream *s, const char *path, const char *method, const char *target,
                 const char *json, bool is_framed);
/* Payload that is in p: calls `fn` for each run of it, returns how much in all. */
typedef void payload_fn(void *ctx, const char *p, size_t n);
size_t stream_decode(struct stream *s, const char *p, size_t n, payload_fn *fn, void *ctx);
/* The same of what came with the head. */
size_t stream_decode_early(struct stream *s, payload_fn *fn, void *ctx);

/* The whole life of helpers: exit on any other status than `status`. */
void call_expect(struct client *c, const char *method, const char *target, const char *json,
                 int status, struct answer *out);
/* Creates a container of busybox: cmd and host are JSON; starts it when asked. */
void container_make(struct client *c, const char *more, char out_id[65]);
void container_do(struct client *c, const char *id, const char *what);
void container_drop(struct client *c, const char *id);

/* CPU of all threads of the processes in "PID,PID,…", milliseconds. */
double cpu_of(const char *pids);
int by_value(const void *a, const void *b); /* of doubles */
