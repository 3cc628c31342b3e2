/* SPDX-License-Identifier: Apache-2.0 */
/* What conn.c (socket, phases) and parse.c (bytes to requests) share. */
#pragma once

#include <llhttp.h>

#include "body.h"
#include "conn.h"

enum conn_phase {
    PHASE_HEAD = 1, /* between requests, or inside a head */
    PHASE_BODY,     /* the body is being read; a ROUTE_STREAMS handler runs already */
    PHASE_PARKED,   /* waits for room among the operations */
    PHASE_ANSWER,   /* the handler has it: nothing is read */
    PHASE_TAKEN,    /* hijacked */
    PHASE_ENDING,   /* the last bytes go out, input is discarded */
};

#define CONN_MAGIC 0x636f6e6eu

/* What a client owes the engine: patience.c. */
enum owed {
    OWES_NOTHING,
    OWES_REQUEST,
    OWES_HEAD,
    OWES_BODY,
    OWES_STREAM,
    OWES_READING,
};

struct conn {
    unsigned magic;
    struct front *front;
    struct list link; /* front->conns */
    int fd;
    struct watch *watch;
    enum conn_phase phase;
    int64_t idle_since_ns; /* accepted or answered last */
    int pins;              /* on the stack of a callback: memory stays */
    bool is_closed, is_broken, is_advancing, is_corked, is_shut;
    bool saw_eof, was_high;
    bool is_reading; /* the watch tells of what can be read */
    bool has_unread; /* it has, when nothing was to be read */
    bool is_full;    /* the socket has not taken all of `out` */
    uid_t uid;
    gid_t gid;
    struct peer peer;
    bool has_peer;
    pid_t pid;
    struct share *share; /* NULL: the front has no operations */

    struct buf in; /* read and not yet parsed from in_at on */
    size_t in_at;
    llhttp_t parser;
    struct buf field, value, target;
    size_t head_bytes;
    bool is_head_complete, is_message_complete;
    int refusal; /* status of a bound that was met inside the parser */

    struct request *request; /* the current one */
    struct err *refused;     /* its answer, when the (empty) body has been parsed */
    struct body *body;
    struct op_room room;
    struct takeover taken;
    bool is_input_paused;

    struct outq out;
    void (*on_room)(void *ctx);
    void *room_ctx;
    struct timer deadline; /* of PHASE_ENDING */
    struct timer patience; /* of what the client owes */
    enum owed owed;
};

/* After anything that may have changed what the client owes. */
void patience_renew(struct conn *c);
void patience_finish(struct conn *c);
int patience_of_env(void);
/* The client has not done what it owes: 408 if it may still read it. */
void conn_give_up(struct conn *c);

void parse_init(struct conn *c);
void parse_finish(struct conn *c);
/* Parses some of c->in, up to the end of a head or of a message. False: malformed or too large;
 * c->refusal is the status. */
bool parse_some(struct conn *c);
static inline size_t conn_unparsed(const struct conn *c)
{
    return c->in.len - c->in_at;
}
