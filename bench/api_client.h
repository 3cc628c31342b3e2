/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking HTTP client for one engine's Unix socket: just enough for measuring. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client {
    const char *path;
    int fd; /* -1: connects at the next request */
    char buf[1 << 16];
    size_t len;
};

struct answer {
    int status;
    char body[1 << 15]; /* cut */
    size_t body_len;
};

/* Sends a request and reads the whole answer (Content-Length or chunked); exits with a message
 * when the engine cannot be spoken to. keep-alive. */
void client_call(struct client *c, const char *method, const char *target, const char *json,
                 struct answer *out);
void client_close(struct client *c);

int64_t now_ns(void);
