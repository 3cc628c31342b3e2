/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the object asks of the rooms above it, whose headers it cannot include. Set once in
 * struct parts, which outlive every container, by recover/load.c; called on the loop. Every other
 * way between the rooms goes down: who ends a run or removes a container calls those below by name.
 */
#pragma once

struct container;

struct container_hooks {
    /* By container/process.c: an exit has been noted in c->exit, or a start that it had to wait for
     * is over. Works it off unless something still stands against it; may find nothing to do. */
    void (*exit_is_due)(struct container *c);
    /* By container_destroy, first of all: the last reference is gone, the rooms let go of what
     * hangs onto the object. Also for one that was never in the table (its create failed). */
    void (*destroying)(struct container *c);
};
