/* SPDX-License-Identifier: Apache-2.0 */
/* A live connection between this terminal (or these pipes) and a container's process. */
#pragma once

#include "base/detach.h"

struct cli;
struct http_conn;

struct session {
    struct cli *cli;
    struct http_conn *stream;  /* hijacked; NULL: nothing is attached */
    struct http_conn *wait;    /* reply of /wait after its head; NULL for exec */
    const char *resize_prefix; /* "/containers/ID" or "/exec/ID" */
    const char *container;     /* signals go there when proxies_signals */
    struct detach_keys detach;
    bool has_tty; /* the container has one: bytes are raw */
    bool has_stdin, has_output;
    bool proxies_signals;
    /* results */
    bool was_detached;
    int exit_code; /* of the wait reply */
};

/* Blocks the signals that the loop will take by signalfd; call before the container starts. */
void session_block_signals(const struct session *s);
/* Of a container that ended so: "killed: out of memory", when it was that. One that is removed by
 * itself cannot be asked any more. */
void session_say_oom(struct cli *cli, const char *container, int exit_code);
/* Runs to the end: output EOF and the wait reply, or detach. Restores the terminal. */
struct err *session_run(struct session *s) must_check;
/* Reads a pending wait reply to its end: {"StatusCode":n}. */
struct err *session_read_wait(struct cli *cli, struct http_conn *wait, int *out_code) must_check;
