/* SPDX-License-Identifier: Apache-2.0 */
/* The image's config blob: what of it the engine understands. Pure. */
#pragma once

#include "base/json.h"

#define IMAGE_ENTRIES_MAX 10000 /* of a list or map of a config that comes in */
#define IMAGE_PORTS_MAX 65536   /* media servers expose tens of thousands */

struct history_entry {
    char *created, *created_by, *author, *comment;
    bool empty_layer;
};

struct image_health {
    struct strs test;
    int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
    int64_t retries;
};

/* The "config" member, as inspect shows it. */
struct run_defaults {
    char *user, *working_dir, *stop_signal;
    struct strs exposed_ports, env, entrypoint, cmd, volumes, on_build, shell;
    struct pairs labels;
    struct image_health *health;
    bool args_escaped;
};
extern const struct jtable run_defaults_json;

struct image_blob {
    char *architecture, *os, *variant, *os_version, *author, *created, *docker_version, *comment;
    char *config_text; /* of the "config" member; "{}" when absent */
    struct run_defaults run;
    struct strs diff_ids;
    struct jlist history; /* struct history_entry */
};

/* Strings live in the arena. ERR_INVALID with a sentence; diff ids are valid afterwards. */
struct err *image_blob_parse(struct arena *a, const char *text, size_t len, struct image_blob *out)
    must_check;
/* ERR_INVALID for a list with more entries than we take in; an image that is here already stays. */
struct err *image_blob_check_sizes(const struct image_blob *b) must_check;
/* A config blob made here (import): the text of a document with these members. */
char *image_blob_write(struct arena *a, const struct image_blob *b);
