/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the volume table: loop thread only, except what the steps of an operation copy. */
#pragma once

#include "storage/volume.h"

#include "base/map.h"
#include "core/op.h"

#define VOLUME_KIND "volume"

/* A volume is in the map as soon as an operation on its name begins, and as long as one runs or
 * the volume exists. Only READY ones are seen from outside. */
enum volume_state { VOLUME_ABSENT, VOLUME_READY, VOLUME_REMOVING };

struct volume_record { /* the document in the database */
    char *name;
    int64_t created_ns;
    struct pairs labels, options;
    bool is_anonymous, is_doomed;
};

#define VOLUME_MAGIC 0x766f6c21u
struct volume {
    unsigned magic;
    struct volume_table *table;
    struct arena *arena; /* of the record; replaced when the volume is made anew */
    struct volume_record r;
    char *name, *path;
    enum volume_state state;
    struct lane lane;
    struct map *users; /* container ids */
    int pins;          /* operations that hold it */
    int n_mounted;     /* who uses its own file system: volume_use.c */
};

struct volume_table {
    struct ops *ops;
    struct db *db;
    struct events *events;
    struct map *volumes;
    char *root; /* DATA_ROOT/volumes */
    int dir;    /* the same */
    int trash;  /* DATA_ROOT/trash */
    bool is_emptying, has_more_trash;
};

/* What is always true of a volume; looked at where its state changes, in debug builds. */
void volume_state_check(const struct volume *v);
struct volume *volume_pin(struct volume_table *t, const char *name); /* makes an ABSENT one */
void volume_unpin(struct volume *v);
void volume_set_record(struct volume *v, const struct volume_record *r); /* copies */
char *volume_record_text(struct arena *a, const struct volume_record *r);
void volume_publish_event(const struct volume *v, const char *action);

/* ERR_INVALID in Docker's words. Pure. */
struct err *volume_check_name(const char *name) must_check;
struct err *volume_check_options(const struct pairs *options) must_check;

/* Of a volume_has_file_system: at its directory. Workers. */
struct err *volume_attach(const char *path, const struct pairs *options) must_check;
void volume_detach(const char *path);
/* Start-up: nobody has it, so it is not mounted. */
void volume_settle_mount(struct volume *v);

/* dir/<name>/_data; absent parts are made, existing ones kept. Worker. */
struct err *volume_make_dirs(int dir, const char *name, bool *is_new) must_check;
