/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run is single-stepped to learn where it passes. Then, for every instruction of it, a new
 * engine runs at full speed up to a place near before it (a breakpoint, the same number of times
 * met), makes the last steps, and is killed there. Forks of one process have the same addresses.
 */
#include "land_kit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACE_MAX 400000
#define PASS_COST 4 /* of a breakpoint, in steps */

void must(bool is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "land: %s: %s\n", what, strerror(errno));
    exit(2);
}

unsigned seed_of_run(void)
{
    const char *seed = getenv("SEED");

    return seed && *seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)getpid();
}

size_t make_line(char out[LINE_ROOM], unsigned i)
{
    return (size_t)snprintf(out, LINE_ROOM, "line %08u %.*s\n", i, (int)(i * 7 % 40),
                            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
}

void write_some_lines(int fd, unsigned from, unsigned to)
{
    char line[LINE_ROOM];

    for (unsigned i = from; i < to; i++) {
        size_t n = make_line(line, i);

        must(write(fd, line, n) == (ssize_t)n, "write a line");
    }
}

pid_t start_line_writer(int fd, unsigned *count)
{
    pid_t pid = fork();
    char line[LINE_ROOM];

    if (pid)
        return pid;
    for (unsigned i = 0;; i++) {
        size_t n = make_line(line, i), done = 0;

        __atomic_store_n(&count[0], i, __ATOMIC_SEQ_CST);
        while (done < n)
            done += (size_t)write(fd, line + done, n - done);
        if (__atomic_load_n(&count[1], __ATOMIC_SEQ_CST)) {
            __atomic_store_n(&count[0], i + 1, __ATOMIC_SEQ_CST);
            _exit(0);
        }
    }
}

/* Stepping is a ping-pong: on one processor it is ten times as fast. */
void stay_on_one_cpu(void)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(sched_getcpu(), &cpus);
    sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* ---- stepping ---- */

static unsigned long get_rip(pid_t pid)
{
    errno = 0;
    return (unsigned long)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), 0);
}

/* False: it has ended. */
static bool go(pid_t pid, int request)
{
    int status;

    must(!ptrace(request, pid, NULL, NULL), "go on");
    waitpid(pid, &status, 0);
    return WIFSTOPPED(status);
}

pid_t start_engine(engine_fn run, const void *world, bool is_stepped)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    if (is_stepped)
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    run(world, is_stepped);
    _exit(1);
}

static pid_t start_stepped(engine_fn run, const void *world)
{
    pid_t pid = start_engine(run, world, true);
    int status;

    must(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "stop the engine");
    return pid;
}

struct stop {
    unsigned long at;
    long k;
};

static int by_place(const void *a, const void *b)
{
    const struct stop *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->k < y->k ? -1 : 1;
}

/* How often each place was passed before. */
static void count_passes(struct trace *t)
{
    struct stop *stops = calloc((size_t)t->n, sizeof(*stops));

    t->passes = calloc((size_t)t->n, sizeof(*t->passes));
    for (long k = 0; k < t->n; k++)
        stops[k] = (struct stop){t->at[k], k};
    qsort(stops, (size_t)t->n, sizeof(*stops), by_place);
    for (long i = 1; i < t->n; i++)
        if (stops[i].at == stops[i - 1].at)
            t->passes[stops[i].k] = t->passes[stops[i - 1].k] + 1;
    free(stops);
}

void trace_record(struct trace *t, engine_fn run, const void *world)
{
    pid_t pid = start_stepped(run, world);

    t->n = 0;
    t->at = calloc(TRACE_MAX, sizeof(*t->at));
    do
        t->at[t->n++] = get_rip(pid);
    while (t->n < TRACE_MAX && go(pid, PTRACE_SINGLESTEP));
    must(t->n < TRACE_MAX, "the iteration is too long");
    count_passes(t);
}

void trace_finish(struct trace *t)
{
    free(t->at);
    free(t->passes);
}

/* One more pass of the place. False: it has ended before. */
static bool reach(pid_t pid, unsigned long at, long text)
{
    if (get_rip(pid) == at)
        return true;
    must(!ptrace(PTRACE_POKETEXT, pid, at, (text & ~0xffL) | 0xcc), "set a breakpoint");
    if (!go(pid, PTRACE_CONT))
        return false;
    must(get_rip(pid) == at + 1, "be at the breakpoint");
    ptrace(PTRACE_POKETEXT, pid, at, text);
    ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rip), at);
    return true;
}

/* Where to run to before the last steps: inside of a loop each pass costs more than a step. */
static long find_near(const struct trace *t, long k)
{
    long best = k;

    for (long j = k; j >= 0 && k - j < PASS_COST * (t->passes[best] + 1); j--)
        if (PASS_COST * t->passes[j] + k - j < PASS_COST * t->passes[best] + k - best)
            best = j;
    return best;
}

static bool run_to(pid_t pid, const struct trace *t, long k)
{
    long text = ptrace(PTRACE_PEEKTEXT, pid, t->at[k], NULL);

    for (long i = 0; i <= t->passes[k]; i++)
        if (!reach(pid, t->at[k], text) || (i < t->passes[k] && !go(pid, PTRACE_SINGLESTEP)))
            return false;
    return true;
}

bool trace_kill_at(const struct trace *t, long k, engine_fn run, const void *world)
{
    pid_t pid = start_stepped(run, world);
    long at = find_near(t, k);
    bool is_there;
    int status;

    if (!run_to(pid, t, at))
        return false;
    for (; at < k; at++)
        if (!go(pid, PTRACE_SINGLESTEP))
            return false;
    is_there = get_rip(pid) == t->at[k];
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return is_there;
}
