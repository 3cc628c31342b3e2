/* SPDX-License-Identifier: Apache-2.0 */
/* The hub between hub.c (runs), pump.c (outputs), input.c (stdin) and attach.c. Loop thread. */
#pragma once

#include "base/detach.h"
#include "base/list.h"
#include "base/text.h"
#include "stream/hub.h"

#include "log_inner.h"

#define INPUT_HIGH (64u << 10) /* queued stdin; clients pause above, go on below half */
#define FRAME_MAX (64u << 10)  /* payload of a frame, and what one append takes */
#define SWEEP_MAX (1u << 20)   /* read past a full client or log once the process is dead */

struct pump { /* an output of the run, or its stdin pipe */
    struct hub *hub;
    int fd;
    int relay[2];             /* a pty's way into a slot, -1 */
    bool has_relayed;         /* something may be in it */
    int stream;               /* STREAM_… */
    bool is_output, is_input; /* both: a pty */
    struct watch *watch;
    size_t swept;       /* read since the exit without asking */
    struct timer retry; /* a pty without a process on it */
};

struct hub_input { /* bytes on their way to stdin; outlives a run that has not begun */
    struct buf queue;
    size_t at;      /* of queue: what is written */
    bool has_eof;   /* a client that may close stdin has ended its input */
    bool is_closed; /* nothing can be written in this run any more */
};

enum { PUMP_IN, PUMP_OUT, PUMP_ERR, PUMP_PTY, PUMP_COUNT };

#define HUB_MAGIC 0x68756221u
struct hub {
    unsigned magic;
    struct loop *loop;
    struct pools *pools;
    struct hub_hooks hooks;
    void *ctx;
    struct list clients;
    int n_slow;                 /* clients that hold the outputs back */
    int64_t stall_ms, drain_ms; /* HUB_…; tests are less patient */
    /* a run */
    bool is_running, has_exited;
    bool stdin_once, is_log_full;
    bool has_told_stdin;
    bool overflows; /* the log does not land for now: read and append, in memory */
    struct pump pumps[PUMP_COUNT];
    struct hub_input input;
    struct log *log;
    struct timer deadline, end, patience;
    struct log_mark *last_mark; /* everything is with the disk behind it */
    void (*drained)(void *ctx);
    void *drained_ctx;
};

enum client_state { CLIENT_REPLAY, CLIENT_LIVE };

#define ATTACHMENT_MAGIC 0x61747421u
struct attachment {
    unsigned magic;
    struct list link;
    struct hub *hub;
    struct attach_request req;
    struct sink *sink;
    void (*gone)(void *ctx);
    void *ctx;
    enum client_state state;
    bool is_ending; /* end as soon as the replay is through */
    bool has_input_eof;
    struct detach_keys keys;
    void (*on_ready)(void *ctx); /* waits to give more input */
    /* replay */
    struct log *log;
    struct log_mark *mark;
    struct log_reader *reader;
    struct log_pos pos;
    bool is_last_round, has_overrun;
    struct buf held[2]; /* unterminated lines at the last round's mark */
    struct buf queued;  /* live bytes since then, framed as the client wants them */
    /* a full queue */
    bool is_slow;
    bool is_stalled; /* ... that does not move: it holds nothing back any more */
    bool is_lost;    /* ... and has run over */
    size_t last_queued;
    int64_t progress_ns;
    size_t seen_queued; /* after the last write */
    int64_t moved_ns;   /* when the queue was last seen to move */
    struct timer timer; /* looks after a slow client, or ends one soon */
};

/* pump.c */
void pump_open(struct hub *h, int kind, int fd);
void pump_close(struct pump *p);
void pump_update(struct pump *p); /* what to wait for, after anything changed */
void pumps_update(struct hub *h);
void pump_empty_relay(struct pump *p); /* soon, what waits in it */
void pump_sweep(struct pump *p);       /* what is there now, up to SWEEP_MAX */
bool pump_is_open(const struct pump *p);

/* hub.c */
/* What is always true of a hub; looked at where its state changes, in debug builds. */
void hub_check(const struct hub *h);
/* framed: FRAME_HEADER free bytes, then at most FRAME_MAX. */
void hub_on_output(struct hub *h, int stream, char *framed, size_t n);
/* The same that has landed: nothing but the free bytes before it may be written. */
void hub_on_landed(struct hub *h, int stream, char *bytes, size_t n);
void hub_on_log_busy(struct hub *h);
bool hub_lands(const struct hub *h); /* outputs go through log_land */
void hub_on_output_end(struct hub *h, struct pump *p);
bool hub_is_held(const struct hub *h); /* outputs must not be read now */

/* input.c */
void input_flush(struct hub *h);
/* Whether the client may go on. */
bool input_add(struct hub *h, const char *p, size_t n);
void input_end(struct hub *h); /* a client ended its input */
void input_begin_run(struct hub *h);
void input_end_run(struct hub *h);
bool input_is_full(const struct hub *h);

/* attach.c */
void clients_on_output(struct hub *h, int stream, char *framed, size_t n);
void clients_on_input_room(struct hub *h);
void clients_on_run(struct hub *h);
void clients_tell_stdin(struct hub *h);
void client_end(struct attachment *a);
