/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container object, private to container/. Loop thread only.
 *
 * `doc` is what the database holds: struct and JSON in one (see doc.c). Everything
 * else is of this engine process: what runs, who waits, what is in flight.
 */
#pragma once

#include "container/container.h"

enum status {
    STATUS_CREATED,
    STATUS_RUNNING,
    STATUS_PAUSED,
    STATUS_RESTARTING, /* between two runs of the restart policy */
    STATUS_REMOVING,
    STATUS_EXITED,
    STATUS_DEAD, /* removal failed half way; rm again */
};

struct state {
    int status;        /* enum status */
    int starting_from; /* on disk: the start is in flight; the status before it + 1. 0: none */
    int pid, exit_code, restart_count;
    bool oom_killed;
    bool was_stopped;      /* by a command: unless-stopped and on-failure stay down */
    bool has_unknown_code; /* the keeper died with the status: exit_code is 255, never 0 */
    char *error;           /* heap; NULL none */
    int64_t started_ns, finished_ns;
    struct health_state *health; /* inside the container's health; NULL: never probed */
};

struct mount_point { /* "Mounts" of inspect, and what start mounts */
    char *type;      /* "bind", "volume", "tmpfs" */
    char *name;      /* volume */
    char *source;    /* host path; "" for tmpfs */
    char *destination, *driver, *mode, *propagation;
    char *options; /* tmpfs options */
    char *subpath;
    bool rw, is_anonymous, no_copy, non_recursive, create_source, readonly_non_recursive;
};

struct attached {     /* a container's endpoint in the document */
    char *network;    /* name as asked for */
    char *network_id; /* "" before the first start */
    char *endpoint_id;
    struct endpoint_config asked;
    char *mac, *ifname;    /* ifname: inside, while it runs */
    int64_t addr, gateway; /* host order */
    int bits;
    char *addr6, *gateway6; /* NULL or "": none */
    int bits6;
};
bool attached_has_address(const struct attached *at); /* it has an interface */

struct published { /* a port mapping of the running container, or as many as follow one another */
    int proto, port, host_port;
    int n; /* 0 in documents of older engines: one */
    bool is_v6;
    char *host_ip;
};

struct doc {
    char *id, *name, *image_id, *image_name, *hostname;
    char *platform;
    int64_t created_ns;
    struct config config; /* merged with the image's */
    struct host_config host;
    struct state state;
    struct jlist mounts;    /* struct mount_point */
    struct jlist networks;  /* struct attached */
    struct jlist published; /* struct published */
};
extern const struct jtable doc_json, attached_json;

struct exit_record {
    bool is_set;
    int pid, status;
    int64_t wall_ns;
    bool is_unknown;
};

enum socket_kind { SOCKETS_PORTS, SOCKETS_DNS, SOCKETS_KINDS };

struct container {
    struct container_table *table;
    struct parts *parts;
    struct arena *arena; /* of the document as created or loaded */
    struct doc doc;
    char *name;          /* heap: doc.name points here */
    struct image *image; /* NULL when it was removed by force */
    struct lane lane;    /* one lifecycle operation at a time */
    size_t refs;
    bool is_gone; /* removed from the table, kept by refs */

    int pidfd;             /* -1 unless a process runs */
    struct orphan *orphan; /* NULL unless the run's keeper was killed: nobody reports its exit */
    bool must_close_stdin; /* adopted, and the client that had stdin is gone */
    struct hub *hub;
    struct log *log;
    struct endpoint **endpoints; /* heap; while running, one for each of doc.networks */
    size_t n_endpoints;
    struct arena *networks_arena; /* of doc.networks once it was changed; NULL: `arena` */
    struct arena *run_arena;      /* strings of endpoints and ports of this run */
    struct ports *ports;
    struct dns_host *dns;                   /* the resolver it asks; NULL: none */
    size_t n_held[SOCKETS_KINDS];           /* keys in the keeper: sockets.c */
    struct holding *holding[SOCKETS_KINDS]; /* on their way there */

    bool is_streaming;       /* the hub has this run's streams, and a reference */
    bool is_starting;        /* from spawn to the end of start: an exit waits */
    bool is_exiting;         /* an exit is being worked on */
    struct exit_record exit; /* arrived, not yet worked on */
    int exit_attempts;       /* that failed to work the exit off */
    struct list settling;    /* tickets: until the exit is worked off */
    struct list settle;      /* struct settle_wait: the same for who is no operation */
    struct list waiters;     /* struct waiter */
    struct list linker;      /* in the table, when it has links: links.c */
    struct list execs;       /* struct exec */
    size_t n_execs;
    struct timer restart_timer;
    int64_t restart_delay_ms;
    struct list draining;  /* the ticket of the exit that waits for the last output */
    struct op *stop_op;    /* the stop, kill or remove in flight that rm -f may hasten */
    bool has_been_killed;  /* a kill or stop was asked during this run */
    unsigned n_thaws;      /* signals that had to get through: a pause in flight gives way */
    struct health *health; /* NULL until a run with a health check */
};

/* ---- table.c ---- */
struct container_table {
    struct parts *parts;
    struct map *by_id, *by_name;
    struct map *execs;          /* exec id → struct exec */
    struct map *reserved;       /* names of creates in flight → "" */
    struct map *stashed;        /* see sockets.c; NULL: none */
    size_t n_unheld, n_settled; /* keys that the keeper shall drop, has dropped for certain */
    struct list turns_waiting;  /* tickets, ctx struct turn: see turn.c */
    struct list linkers;        /* struct container: those with links */
    int n_turns;
    struct sweeper *sweeper;
    size_t n_stopping; /* see container_table_stop */
    void (*stopped)(void *ctx);
    void *stopped_ctx;
    struct list orphans;   /* struct orphan */
    struct list strangers; /* foreign entries to acknowledge when the keeper is open */
    uv_signal_t *child_signal;
    struct timer sweep; /* of zombies that became our children */
};
struct container *container_ref(struct container *c);
void container_unref(struct container *c);
void table_insert(struct container *c);
void table_remove(struct container *c);
/* The name may be used: free, valid, not another container's id. */
struct err *table_check_name(struct container_table *t, const char *name);
char *table_generate_name(struct container_table *t, struct arena *a);
struct container *container_alloc(struct container_table *t, struct arena *a);
void container_destroy(struct container *c); /* never published, or the last ref */

/* ---- doc.c ---- */
char *doc_encode(struct arena *a, const struct container *c);
struct err *doc_decode(struct container *c, const char *json);
void container_save(struct container *c);                    /* in the background */
void container_save_for(struct container *c, struct op *op); /* an ON_EVENT step */
void state_set_error(struct container *c, const char *text); /* NULL clears */
void state_begin_run(struct container *c, int64_t started_ns);
const char *status_name(const struct container *c);
static inline bool state_is_running(const struct container *c)
{
    return c->doc.state.status == STATUS_RUNNING || c->doc.state.status == STATUS_PAUSED;
}

/* ---- event.c ---- */
void container_event(struct container *c, const char *action, const char *key, const char *value);

/* ---- resolver.c ---- */
struct err *resolver_check(const struct config *c, const struct host_config *h);

/* ---- volume_events.c ---- */
void volumes_tell(const struct container *c, const char *action); /* "mount", "unmount" */

/* ---- mounts.c ---- */
struct err *mounts_plan(struct container_table *t, struct arena *a, const struct config *config,
                        const struct host_config *host, struct jlist *out);
/* Worker: that what is bound exists, and what is to be said about it. */
struct err *mounts_check_sources(struct arena *a, const struct jlist *mounts,
                                 struct strs *warnings);
void mounts_ref(struct container *c);
void mounts_unref(struct container *c);
/* Its anonymous volumes that nobody else uses: see volume_doom. */
void mounts_doom_anonymous(struct container *c, bool is_doomed);

/* ---- network.c ---- */
struct err *networks_plan(struct container_table *t, struct arena *a, const struct config *config,
                          const struct host_config *host, const struct networking_config *n,
                          struct jlist *out, struct strs *warnings);
struct err *networks_join(struct container *c); /* endpoints and port reservations */
void networks_note_ports(struct container *c);  /* the host ports as chosen, into the document */
/* ---- published.c ---- */
const char *published_proto(int proto);
int published_span(const struct published *p); /* how many ports it stands for */
bool published_has(const struct published *p, int proto, int port);
struct jlist published_note(struct arena *a, const struct ports *ports);
/* One by one, on the heap. */
struct port_target;
struct port_map *published_maps(const struct jlist *published, const struct port_target *target,
                                size_t *out_n);
/* ---- endpoints.c ---- */
void networks_leave(struct container *c);
void endpoints_drop(struct container *c); /* in this engine's memory only */
/* doc.networks into memory of its own, with room for one more. */
void networks_own(struct container *c);
/* At the end of doc.networks (owned, with room): takes its address; ifname is the next free. */
struct err *endpoint_join(struct container *c, struct attached *at, struct endpoint **out);
/* Leaves the network and both lists. */
void endpoint_remove(struct container *c, size_t i);
/* The endpoints that have the default routes, by Docker's order, as if `except` were not there;
 * NULL when none can. Marks the specs. */
struct ways_out {
    struct endpoint *v4, *v6;
};
struct ways_out endpoints_choose_gateway(struct container *c, const struct endpoint *except);
/* Where published ports lead: the ways out, else whatever has an address. */
struct port_target {
    const struct network *network; /* NULL: none */
    uint32_t addr;                 /* host order; 0: none */
    struct in6_addr addr6;         /* all 0: none */
    bool is_routed, is_routed6;
};
struct port_target endpoints_port_target(struct container *c);
void port_target_fill(const struct port_target *t, struct port_map *m);
bool port_target_is_none(const struct port_target *t);
struct err *networks_rejoin(struct container *c); /* after an engine restart */
/* ---- connect.c ---- */
struct err *container_open_netns(const struct container *c, int *out); /* of its process */
/* ---- resume_ports.c ---- */
void ports_hold(struct container *c);   /* in the keeper too */
void ports_resume(struct container *c); /* after an engine restart: the document's, served */

/* ---- dns.c: a container's resolver, from plan (loop) by open (worker) to serve (loop) ----
 */
struct dns_start {
    bool is_wanted;
    int fds[2]; /* UDP, TCP; -1 */
};
void dns_start_init(struct dns_start *s);
void dns_start_plan(struct dns_start *s, const struct container *c);
struct err *dns_start_open(struct dns_start *s, struct net *n, int netns);
void dns_start_serve(struct dns_start *s, struct container *c); /* takes the sockets */
void dns_start_close(struct dns_start *s);
void dns_resume(struct container *c); /* after an engine restart */
void dns_hold(struct container *c);
bool resolver_is_wanted(const struct container *c);

/* ---- sockets.c: what the keeper holds for a container ---- */
void sockets_hold(struct container *c, enum socket_kind kind, const int *fds, size_t n);
void sockets_unhold(struct container *c, enum socket_kind kind);
void sockets_stop_holding(struct container *c); /* the keeper keeps what it has */
/* The wait of an ON_EVENT step, until the keeper has closed whatever was let go of: then its ports
 * can be bound. */
void sockets_settle(struct container_table *t, struct op *op);
/* At adoption; takes the fds. False: the entry is not one of sockets. */
bool sockets_stash(struct container_table *t, const struct keeper_entry *e, const int *fds);
size_t sockets_take(struct container *c, enum socket_kind kind, int *out, size_t room);
void sockets_drop_stash(struct container_table *t); /* what nobody took */
/* default_ip: of the host, for ports that name none; NULL: every address. */
struct err *ports_plan(struct arena *a, const struct config *config, const struct host_config *host,
                       const char *default_ip, struct port_map **out, size_t *n);
struct err *mac_parse(const char *s, uint8_t out[6]);
struct err *network_plan_attached(struct container_table *t, struct arena *a, const char *name,
                                  const struct endpoint_config *asked, struct attached *out);
bool network_mode_is(const struct host_config *h, const char *mode);
/* The other container of "container:ID", NULL when the mode is another one. */
struct err *mode_container(struct container_table *t, const char *mode, struct container **out);

/* ---- limits.c ---- */
struct err *limits_plan(struct arena *a, const struct host_config *h, const struct config *c,
                        struct cgroup_limits *out);

/* ---- turn.c ---- */
struct turn { /* part of an operation; {0}: none */
    bool is_taken;
};
/* The wait of an ON_EVENT step, until it is this one's turn; turn_end in any case. */
struct err *turn_take(struct container_table *t, struct turn *turn, struct op *op) must_check;
void turn_end(struct container_table *t, struct turn *turn);

/* ---- sweeper.c ---- */
struct sweeper *sweeper_create(struct parts *p);
void sweeper_ask(struct sweeper *s);     /* something was thrown away */
void sweeper_destroy(struct sweeper *s); /* a sweep that runs frees it at its end */

/* ---- wait.c, exited.c, restart.c ---- */
struct settle_wait {
    struct list link;
    void (*fn)(struct settle_wait *w);
};
/* fn when no process of the container runs and its last exit is worked off; perhaps at once. */
void container_settle(struct container *c, struct settle_wait *w,
                      void (*fn)(struct settle_wait *w));
void container_settle_for(struct container *c, struct op *op); /* the wait of an ON_EVENT step */
void container_note_exit(struct container *c, const struct exit_record *r);
void container_work_off_exit(struct container *c); /* when one has arrived and nothing hinders */
void exited_streams_drained(struct container *c);
void waiters_notify(struct container *c, bool is_removed);
/* A start that failed: whoever waits for an exit goes on waiting. */
void waiters_end_wait(struct container *c);
void restart_policy_apply(struct container *c); /* after an exit */
bool restart_policy_wants(const struct container *c, bool at_boot);
struct err *container_signal(struct container *c, int signal);
/* ERR_INVALID "Invalid signal: X" */
struct err *signal_parse(const char *s, int *out);
void container_thaw(struct container *c);     /* a paused one, so that signals arrive */
void container_thaw_all(struct container *c); /* also who was frozen by others */
const char *container_stop_signal(const struct container *c);

/* ---- exec*.c ---- */
void exec_exited(struct container_table *t, const struct keeper_entry *e);
void execs_end(struct container *c); /* the container's process is dead */
void execs_drop(struct container *c);
void execs_close(struct container *c); /* at the end of the engine */
void execs_running(struct container *c, struct arena *a, struct strs *out); /* ids */
void execs_hand_back(struct container *c);         /* the keeper was killed */
struct err *execs_load(struct container_table *t); /* after the containers */
bool exec_is_known(struct container_table *t, const struct keeper_entry *e);
/* False: it is none of ours, the fds stay the caller's. */
bool exec_adopt(struct container_table *t, const struct keeper_entry *e, const int *fds);
/* A start that nobody waits for any more has come to its end; takes pidfd. */
void exec_settled(struct container_table *t, const struct keeper_entry *e, int pidfd);
void execs_reconcile(struct container *c);
/* A health check's exec: not listed. on_end comes once, after its last output and its exit or when
 * it could not be started (err, which stays the exec's); then it is gone. */
struct exec *exec_open_probe(struct container *c, const struct strs *cmd);
void exec_run_probe(struct exec *e, struct sink *sink,
                    void (*on_end)(void *ctx, const struct err *err, int exit_code), void *ctx);
void exec_kill(
    struct exec *e); /* its process group; one whose start is in flight, as soon as it runs */
/* ---- health.c ---- */
void health_start(struct container *c); /* a run has begun */
void health_stop(struct container *c);  /* it has ended */
void health_pause(struct container *c, bool is_paused);
void health_load(struct container *c);    /* after the document */
void health_resume(struct container *c);  /* a run was adopted */
void health_suspend(struct container *c); /* the engine ends */
void health_free(struct container *c);
const char *health_name(const struct container *c);                 /* "none" without a check */
void health_write(const struct container *c, struct jw *w);         /* inspect's Health */
void health_write_summary(const struct container *c, struct jw *w); /* that of the list */
/* ---- recover.c ---- */
struct hub_streams keeper_entry_streams(const struct keeper_entry *e,
                                        const int *fds); /* borrowed */
/* ---- attach.c ---- */
struct err *container_open_log(struct container *c);
/* ---- orphan.c: processes whose keeper was killed ---- */
typedef void (*orphan_fn)(void *ctx, const struct exit_record *r);
/* Once, when it has ended. The fd stays the caller's; *slot is NULL again by then. */
void orphan_watch(struct container_table *t, int pid, int pidfd, orphan_fn fn, void *ctx,
                  struct orphan **slot);
void orphan_forget(struct orphan *o); /* accepts NULL; its slot becomes NULL */
void orphans_open(struct container_table *t);
void orphans_close(struct container_table *t);
/* To the new keeper: an entry with the hub's streams. */
void orphan_hand_back(struct keeper *k, const char *id, int pid, int pidfd, int64_t started_ns,
                      const struct hub *hub);
void container_hand_back(struct container *c); /* and watch it */
void container_watch_orphan(struct container *c);
