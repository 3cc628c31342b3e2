/* SPDX-License-Identifier: Apache-2.0 */
/* What land.c and forward_land.c share: numbered lines, and a process killed after any instruction
 * of its run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { LINE_ROOM = 128 };

void must(bool is_good, const char *what); /* or the test ends */
/* SEED of the environment, or by chance. */
unsigned seed_of_run(void);
size_t make_line(char out[LINE_ROOM], unsigned i);
void write_some_lines(int fd, unsigned from, unsigned to);
/* Writes lines until count[1] is set; count[0] is how many were begun: a part of the last may be in
 * the pipe. */
pid_t start_line_writer(int fd, unsigned *count);
void stay_on_one_cpu(void);

/* The engine's part, in a process of its own; a stepped one is traced and stops itself where
 * stepping is to begin. */
typedef void (*engine_fn)(const void *world, bool is_stepped);
pid_t start_engine(engine_fn run, const void *world, bool is_stepped);
struct trace {
    unsigned long *at;
    long *passes; /* how often it had been at the same place before */
    long n;
};
void trace_record(struct trace *t, engine_fn run, const void *world); /* runs it to its end */
void trace_finish(struct trace *t);
/* Kills another such process just before the k-th instruction. False: it never came there (the
 * digits of the time lead to other branches now and then). */
bool trace_kill_at(const struct trace *t, long k, engine_fn run, const void *world);
