/* SPDX-License-Identifier: Apache-2.0 */
/* The exec of a health check: of this engine alone, and not listed. Loop thread. */
#pragma once

struct container;
struct err;
struct exec;
struct sink;
struct strs;

struct exec *exec_open_probe(struct container *c, const struct strs *cmd);
/* on_end comes once, after its last output and its exit or when it could not be started (err,
 * which stays the exec's); then it is gone. */
void exec_run_probe(struct exec *e, struct sink *sink,
                    void (*on_end)(void *ctx, const struct err *err, int exit_code), void *ctx);
/* Its process group; one whose start is in flight, as soon as it runs. */
void exec_kill(struct exec *e);
