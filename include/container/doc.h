/* SPDX-License-Identifier: Apache-2.0 */
/* A container's document: what the database holds, struct and JSON in one. Loop thread. */
#pragma once

#include "runtime/config.h"

struct container;
struct op;

enum status {
    STATUS_CREATED,
    STATUS_RUNNING,
    STATUS_PAUSED,
    STATUS_RESTARTING, /* between two runs of the restart policy */
    STATUS_REMOVING,
    STATUS_EXITED,
    STATUS_DEAD, /* removal failed half way; rm again */
};

struct health_result {
    int64_t start_ns, end_ns;
    int exit_code;
    char *output; /* heap */
};

struct health_state {
    int status, failing_streak; /* status: see exec/health.h */
    int64_t due_ns;             /* of the next probe, boot clock; 0: none is due */
    struct jlist log;           /* struct health_result */
};

struct container_state {
    int status;        /* enum status */
    int starting_from; /* on disk: the start is in flight; the status before it + 1. 0: none */
    int pid, exit_code, restart_count;
    bool oom_killed;
    bool is_paused_to_commit; /* on disk, from before the pause: if the engine dies meanwhile, the
                                 next one thaws it */
    bool was_stopped;         /* by a command: unless-stopped and on-failure stay down */
    bool has_unknown_code;    /* the keeper died with the status: exit_code is 255, never 0 */
    char *error;              /* heap; NULL none */
    int64_t started_ns, finished_ns; /* wall clock: to be shown */
    int64_t started_boot_ns;         /* boot clock: how long it runs; 0: an older engine's */
    struct health_state *health;     /* inside the container's health; NULL: never probed */
};

/* "Mounts" of inspect, and what start mounts. A member more is a row more of mount_point_json, by
 * which mount_point_copy copies. */
struct mount_point {
    char *type;   /* "bind", "volume", "tmpfs", "image" */
    char *name;   /* volume */
    char *source; /* host path; an image as it was asked for; "" for tmpfs */
    char *destination, *driver, *mode, *propagation;
    char *options; /* tmpfs options */
    char *subpath;
    char *judged; /* where the source led when a policy allowed it; NULL or "": none did */
    char *image;  /* id */
    struct pairs volume_options, volume_labels; /* for a volume that is not there yet */
    bool rw, is_anonymous, no_copy, non_recursive, create_source, readonly_non_recursive;
    int64_t source_dev, source_ino; /* of the file that this run has, of a bind of one; 0: none */
    char *led_to;                   /* where the source of that led, links resolved */
    bool is_replaced;               /* another one is at the source by now */
    bool follow;                    /* then that is bound in its place */
    bool discards; /* what is written to it goes to a folder of the container, and with that */
    bool is_own; /* the engine has put it there, for a build: no policy and no warning judges it */
    bool is_plain_tmpfs; /* of HostConfig.Tmpfs: none of the Mounts that others see or take over */
};

struct endpoint_record { /* a container's endpoint in the document */
    char *network;       /* name as asked for */
    char *network_id;    /* "" before the first start */
    char *endpoint_id;
    struct endpoint_config asked;
    char *mac, *ifname;    /* ifname: inside, while it runs */
    int64_t addr, gateway; /* host order */
    int bits;
    char *addr6, *gateway6; /* NULL or "": none */
    int bits6;
};
bool endpoint_record_has_address(const struct endpoint_record *at); /* it has an interface */

struct port_record { /* a port mapping of the running container, or as many as follow one another */
    int proto, port, host_port;
    int n; /* 0 in documents of older engines: one */
    bool is_v6;
    char *host_ip;
};

struct doc {
    char *id, *name, *image_id, *image_name, *hostname;
    char *platform;
    bool is_of_build;        /* of a step of a build: no engine but the one that made it wants it */
    char *uid_map, *gid_map; /* of its user namespace, as id_ranges_text; NULL: the host's ids */
    char *process_label, *mount_label; /* of SELinux; NULL or "": none */
    int64_t created_ns;
    struct config config; /* merged with the image's */
    struct host_config host;
    struct container_state state;
    struct jlist mounts;    /* struct mount_point */
    struct jlist networks;  /* struct endpoint_record */
    struct jlist published; /* struct port_record */
};
extern const struct jtable doc_json, endpoint_record_json, mount_point_json;
/* All of it, into another arena. */
void mount_point_copy(struct arena *a, const struct mount_point *from, struct mount_point *out);

char *doc_encode(struct arena *a, const struct container *c);
struct err *doc_decode(struct container *c, const char *json); /* without its health */
void container_save(struct container *c);                      /* in the background */
void container_save_for(struct container *c, struct op *op);   /* an ON_EVENT step */
void state_set_error(struct container *c, const char *text);   /* NULL clears */
void state_begin_run(struct container *c, int64_t started_ns);
/* How long the run runs, whatever was done to the wall clock. */
int64_t state_run_ns(const struct container *c);
const char *status_name(const struct container *c);
