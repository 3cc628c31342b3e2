/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a container: signals, freezing, its namespaces, its end. Loop thread. */
#pragma once

#include "base/err.h"

struct container;
struct exit_record;

/* "INT", "SIGINT", "2", "RTMIN+1"; ERR_INVALID "Invalid signal: X". */
struct err *signal_parse(const char *s, int *out) must_check;
const char *container_stop_signal(const struct container *c);
/* It has a process that commands can reach, paused or not; else ERR_CONFLICT in Docker's words,
 * which never are "not running" for one that its restart policy is about to run. */
struct err *container_check_runs(const struct container *c) must_check;
struct err *container_signal(struct container *c, int signal) must_check;
/* SIGKILL to a process and its group, so that what a shell has started does not stay behind (Linux
 * 6.9; else to the one alone). Any thread. */
void process_kill_group(int pidfd);
void container_thaw(struct container *c);     /* a paused one, so that signals arrive */
void container_thaw_all(struct container *c); /* also who was frozen by others */
/* Its network namespace; ERR_CONFLICT when it has just ended. */
struct err *container_open_netns(const struct container *c, int *out) must_check;
/* The run has ended: noted once, however often it is told, and worked off when it can be. */
void container_note_exit(struct container *c, const struct exit_record *r);
/* What an exit may have waited for is over. */
void container_look_at_exit(struct container *c);
