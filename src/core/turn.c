/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turn watch. One look at the clock for each hold, nothing else while all is well; only what
 * took a millisecond is looked into: how much of it was our own work (CPU), how often we slept in
 * the kernel. So a loop that others have kept from the processor is told from one that holds.
 * Loop thread.
 *
 * What a newcomer would get wrong: the work of a hold is the difference of two readings, and the
 * earlier one has to be there before we know that the hold is long. It is renewed whenever little
 * has happened since, so a hold is charged at most FRESH_NS too much.
 */
#include "core/turn.h"

#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"

#include "loop_inner.h"

#define SLOW_NS NS_PER_MS
#define TOLD_NS (50 * NS_PER_MS) /* a turn that the log tells of */
#define TELL_EVERY_NS (10 * NS_PER_S)
#define FRESH_NS (NS_PER_MS / 10) /* of work or of waiting, after which a reading is renewed */
#define FRESH_POLLS 64

/* Less than 1, 2, 4, 8 … times 1,024 ns. */
static size_t bucket_of(int64_t ns)
{
    uint64_t us = (uint64_t)ns >> 10;
    size_t bucket = us ? 64 - (size_t)__builtin_clzll(us) : 0;

    return bucket < TURN_BUCKETS ? bucket : TURN_BUCKETS - 1;
}

/* getrusage has the CPU time too, but as of the last tick (4 ms), not as of now. */
static struct turn_cost read_cost(void)
{
    struct rusage u;
    struct timespec cpu;

    ASSERT(getrusage(RUSAGE_THREAD, &u) == 0);
    ASSERT(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu) == 0);
    return (struct turn_cost){
        .cpu_ns = cpu.tv_sec * NS_PER_S + cpu.tv_nsec,
        .n_sleeps = u.ru_nvcsw,
    };
}

/* What `ns` have cost since `from`; *now is the reading that ends them. */
static struct turn_cost cost_since(const struct turn_watch *t, struct turn_cost from, int64_t ns,
                                   struct turn_cost *now)
{
    struct turn_cost c;

    *now = read_cost();
    c.cpu_ns = now->cpu_ns - from.cpu_ns;
    c.n_sleeps = now->n_sleeps - from.n_sleeps - t->n_waits; /* each may have slept once */
    c.cpu_ns = c.cpu_ns < ns ? c.cpu_ns : ns;
    c.n_sleeps = c.n_sleeps > 0 ? c.n_sleeps : 0;
    return c;
}

/* What a hold or turn has taken of its own accord: not what others have taken from it. */
static int64_t own_ns(struct turn_cost c, int64_t ns)
{
    return c.n_sleeps ? ns : c.cpu_ns;
}

/* The place of a name among the longest, in place of the shortest when it is new; NULL: shorter
 * than all. */
static struct turn_holder *find_holder(struct turn_watch *t, struct turn_name name, int64_t ns)
{
    struct turn_holder *least = &t->longest[0];

    for (size_t i = 0; i < TURN_LONGEST; i++) {
        struct turn_holder *h = &t->longest[i];

        if (h->name.of == name.of && h->name.what == name.what)
            return h;
        if (h->ns < least->ns)
            least = h;
    }
    if (least->ns >= ns)
        return NULL;
    *least = (struct turn_holder){.name = name};
    return least;
}

static void note_slow_hold(struct turn_watch *t, int64_t ns)
{
    struct turn_cost c = cost_since(t, t->at_hold, ns, &t->at_hold);
    struct turn_holder *h;

    t->holds_cpu[bucket_of(c.cpu_ns)]++;
    ns = own_ns(c, ns);
    if (ns > t->worst_ns) {
        t->worst_ns = ns;
        t->worst = t->name;
    }
    h = ns < SLOW_NS ? NULL : find_holder(t, t->name, ns);
    if (!h)
        return;
    h->count++;
    h->n_sleeps += c.n_sleeps;
    h->ns = ns > h->ns ? ns : h->ns;
    h->cpu_ns = c.cpu_ns > h->cpu_ns ? c.cpu_ns : h->cpu_ns;
}

static void end_hold(struct turn_watch *t, int64_t now)
{
    int64_t ns = now - t->since_ns;

    t->holds[bucket_of(ns)]++;
    if (ns >= SLOW_NS)
        note_slow_hold(t, ns);
}

static void begin_turn(struct turn_watch *t, int64_t now)
{
    t->begun_ns = now;
    t->worst_ns = 0;
    if (now - t->polled_ns < FRESH_NS && t->worked_ns < FRESH_NS && t->n_polls < FRESH_POLLS)
        return;
    t->at_turn = t->at_hold = read_cost();
    t->worked_ns = 0;
    t->n_polls = t->n_waits = 0;
}

/* One line in ten seconds, which counts those that were not told. */
static void tell(struct turn_watch *t, int64_t ns, struct turn_cost c, int64_t now)
{
    if (t->told_ns && now - t->told_ns < TELL_EVERY_NS) {
        t->n_untold++;
        return;
    }
    log_warn("the loop was held", KV_INT("ms", ns / NS_PER_MS),
             KV_INT("cpu_ms", c.cpu_ns / NS_PER_MS), KV_INT("sleeps", c.n_sleeps),
             KV("by", t->worst_ns ? t->worst.of : "many"),
             KV("what", t->worst_ns ? t->worst.what : ""),
             KV_INT("its_ms", t->worst_ns / NS_PER_MS), KV_INT("untold", t->n_untold));
    t->told_ns = now;
    t->n_untold = 0;
}

static void note_slow_turn(struct turn_watch *t, int64_t ns, int64_t now)
{
    struct turn_cost c = cost_since(t, t->at_turn, ns, &t->at_turn);

    t->at_hold = t->at_turn;
    t->worked_ns = 0;
    t->n_polls = t->n_waits = 0;
    t->n_sleeps += (uint64_t)c.n_sleeps;
    t->turns_cpu[bucket_of(c.cpu_ns)]++;
    ns = own_ns(c, ns);
    if (ns >= TOLD_NS)
        tell(t, ns, c, now);
}

static void on_poll(uv_prepare_t *before_poll)
{
    struct turn_watch *t = container_of(before_poll, struct turn_watch, before_poll);
    int64_t now, ns;

    t->n_polls++;
    t->n_waits += uv_backend_timeout(before_poll->loop) != 0;
    if (!t->begun_ns)
        return;
    now = clock_boot_ns();
    ns = now - t->begun_ns;
    end_hold(t, now);
    t->turns[bucket_of(ns)]++;
    t->turns_ns += ns;
    t->begun_ns = 0;
    t->polled_ns = now;
    t->worked_ns += ns;
    if (ns >= SLOW_NS)
        note_slow_turn(t, ns, now);
}

int64_t turn_enter(struct loop *l, const char *of, const char *what)
{
    struct turn_watch *t = &l->turns;
    int64_t now = clock_boot_ns();

    if (t->begun_ns)
        end_hold(t, now);
    else
        begin_turn(t, now);
    t->since_ns = now;
    t->name = (struct turn_name){of, what};
    return now;
}

struct turn_name turn_holder(const struct loop *l)
{
    return l->turns.name;
}

void turns_init(struct loop *l)
{
    ASSERT(uv_prepare_init(&l->uv, &l->turns.before_poll) == 0);
    ASSERT(uv_prepare_start(&l->turns.before_poll, on_poll) == 0);
    uv_unref((uv_handle_t *)&l->turns.before_poll);
    l->turns.at_turn = l->turns.at_hold = read_cost();
}

/* ---- what is shown ---- */

static void dump_counts(struct jw *w, const char *key, const uint64_t *counts)
{
    jw_arr(w, key);
    for (size_t i = 0; i < TURN_BUCKETS; i++)
        jw_int(w, NULL, (int64_t)counts[i]);
    jw_arr_end(w);
}

static void dump_holder(struct jw *w, const struct turn_holder *h)
{
    jw_obj(w, NULL);
    jw_str(w, "of", h->name.of);
    jw_str(w, "what", h->name.what);
    jw_int(w, "count", (int64_t)h->count);
    jw_int(w, "us", h->ns / 1000);
    jw_int(w, "cpu_us", h->cpu_ns / 1000);
    jw_int(w, "sleeps", h->n_sleeps);
    jw_obj_end(w);
}

void turns_write_metrics(struct loop *l, struct buf *out)
{
    static const char name[] = "berth_loop_turn_seconds";
    int64_t bounds[TURN_BUCKETS];

    ASSERT_LOOP();
    for (size_t i = 0; i < TURN_BUCKETS; i++)
        bounds[i] = 1024ll << i;
    metric_head(out, name, "histogram", "How long the loop works between two polls.");
    metric_histogram(out, name, "", bounds, l->turns.turns, TURN_BUCKETS, l->turns.turns_ns);
}

void turns_dump(void *loop, struct jw *w)
{
    const struct turn_watch *t = &((struct loop *)loop)->turns;

    ASSERT_LOOP();
    jw_obj(w, "turns");
    dump_counts(w, "turns", t->turns);
    dump_counts(w, "turns_cpu", t->turns_cpu);
    dump_counts(w, "holds", t->holds);
    dump_counts(w, "holds_cpu", t->holds_cpu);
    jw_int(w, "sleeps", (int64_t)t->n_sleeps);
    jw_arr(w, "longest");
    for (size_t i = 0; i < TURN_LONGEST; i++)
        if (t->longest[i].count)
            dump_holder(w, &t->longest[i]);
    jw_arr_end(w);
    jw_obj_end(w);
}
