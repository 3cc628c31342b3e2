/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ADD names by an address (http, https): each becomes a file of a folder of the build, one
 * after the other. Loop.
 */
#pragma once

#include "base/digest.h"

#include "build_inner.h"
#include "in_turn.h"

struct remote_file {
    const char *url;
    /* out */
    const char *name; /* as the server calls it, or the last part of the address; "": neither */
    const char *file; /* in remote_files_dir */
    char digest[DIGEST_MAX];
};
struct remote_files { /* embedded in the operation of a step; v in the arena of the build */
    struct build *build;
    struct build_context *folder; /* a worker makes it */
    struct remote_file *v;
    size_t n;
    struct in_turn *turn;
};
bool remote_is_url(const char *source); /* http:// or https:// */
bool remote_is_git(const char *source); /* an address of a git repository, by Docker's rules */
struct err *remote_files_await(struct remote_files *f, struct op *op) must_check;
void remote_files_stop(struct remote_files *f);     /* its undo */
int remote_files_dir(const struct remote_files *f); /* any thread; -1: there is none */
