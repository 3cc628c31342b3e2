/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation that works on the files of a container, whether it runs or not: the first steps and
 * the last ones of its table. Loop thread, but for root_open and root_close.
 *
 *   {"settle", ON_EVENT, root_settle, NULL, 0},
 *   {"claim-root", ON_EVENT, root_claim, root_unclaim, 0},
 *   {"look", ON_LOOP, root_look, NULL, 0},
 *   {"mount-volumes", ON_EVENT, root_mount_volumes, root_unmount_volumes, 0, root_wants_volumes},
 *   {"open-root", ON_WORKER, root_open, root_close, 0},
 *   {"share-root", ON_LOOP, root_share, root_unshare, 0},
 *   …
 *   {"leave-root", ON_LOOP, root_leave, NULL, 0},
 *   {"close-root", ON_DISK, root_shut, NULL, 0},
 */
#pragma once

#include "container/root_gate.h"
#include "core/op.h"
#include "storage/root_view.h"

struct container;
struct id_map;
struct prep;

struct root_op { /* first member of the operation's struct */
    struct op op;
    struct container *c;
    const char *id;
    bool has_volumes; /* mounted for us */
    bool is_bare;     /* the root file system alone, without volumes and the like */
    struct root_hold hold;
    struct prep *prep; /* what a start would mount; NULL: it runs */
    int pidfd;
    /* Of its user namespace, when the owners in the view are the host's of these; else NULL. */
    const struct id_map *ids;
    const char *context; /* SELinux's, of all its files; NULL: none */
    struct root_lender lender;
    struct root_view view;
};

struct root_op *root_op_create(struct container *c, const struct op_type *type);
void root_op_finish(struct root_op *o); /* in the operation's finish */

struct err *root_settle(struct op *op) must_check;
struct err *root_claim(struct op *op) must_check;
void root_unclaim(struct op *op);
struct err *root_look(struct op *op) must_check;
bool root_wants_volumes(const struct op *op);
struct err *root_mount_volumes(struct op *op) must_check;
void root_unmount_volumes(struct op *op);
struct err *root_open(struct op *op) must_check;
void root_close(struct op *op);
struct err *root_share(struct op *op) must_check;
void root_unshare(struct op *op);
struct err *root_leave(struct op *op) must_check;
struct err *root_shut(struct op *op) must_check;
