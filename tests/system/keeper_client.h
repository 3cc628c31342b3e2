/* SPDX-License-Identifier: Apache-2.0 */
/* A hand-made engine for tests of the keeper: programs record by record, messages one by one. */
#pragma once

#include "wire/keeper_messages.h"
#include "wire/program.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct job {
    char program[65536];
    size_t size;
    unsigned n_ops;
    int fds[PROGRAM_FDS_MAX];
    unsigned n_fds;
    int holds[KEEPER_HOLDS_MAX];
    uint8_t roles[KEEPER_HOLDS_MAX];
    unsigned n_holds;
    uint64_t clone_flags;
    uint32_t flags;
    int cgroup_at; /* index of a cgroup v2 directory, -1 */
    int out;       /* read end of stdout and stderr, the test's own */
};

struct reply {
    union {
        struct keeper_head head;
        struct keeper_welcome welcome;
        struct keeper_entry entry;
        struct keeper_failed failed;
        struct keeper_ref ref;
        char bytes[KEEPER_MSG_MAX];
    };
    int fds[16];
    unsigned n_fds;
};

_Noreturn void die(const char *what);

void job_init(struct job *j);
void job_finish(struct job *j);                              /* closes its fds, not `out` */
unsigned job_fd(struct job *j, int fd);                      /* takes it */
void job_hold(struct job *j, int fd, enum keeper_role role); /* takes it */
void job_op(struct job *j, unsigned code, unsigned flags, int fd, uint32_t a, uint64_t b,
            uint64_t c, const void *data, size_t n);
void job_text(struct job *j, unsigned code, unsigned flags, int fd, const char *text);
void job_strings(struct job *j, unsigned code, const char *const *v); /* NULL-terminated */
int job_memfd(const struct job *j);                                   /* the finished program */

/* Starts a keeper from a sealed memfd; returns when an engine can connect (or it ended). */
pid_t keeper_start(const char *binary, const char *exec_root);
int client_connect(const char *exec_root); /* -1: refused */
int client_hello(int fd);                  /* after it: KM_WELCOME and so on */
void client_send(int fd, const void *p, size_t n, const int *fds, unsigned n_fds);
void client_spawn(int fd, struct job *j, const char *id, uint64_t tag);
void client_ref(int fd, enum keeper_msg type, const char *id, int pid, uint32_t role,
                const int *fds, unsigned n_fds);
/* False: end of file, or nothing within timeout_ms. */
bool client_receive(int fd, struct reply *out, int timeout_ms);
/* The next message of that type; others are dropped. False as above. */
bool client_await(int fd, enum keeper_msg type, struct reply *out);
void reply_close(struct reply *r);
