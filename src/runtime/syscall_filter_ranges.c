/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter that says the same in fewer instructions. libseccomp compares one call number after the
 * other, once for each architecture; neighbours mostly share a verdict. Loading a filter costs the
 * kernel time for every instruction (it translates them all), and that is on a start's path.
 *
 * The program is walked with the architecture and the call number as intervals: a comparison splits
 * one. What is left are boxes, each with a verdict: an action, or the place where the program
 * begins to read something else (arguments), which is kept as it is. Boxes that touch and agree
 * become one, and a search tree over the rest is written, from its end to its beginning, as jumps
 * lead forward only (classic BPF, Documentation/networking/filter.rst). A program with anything
 * unforeseen in it is left alone. Pure; any thread.
 */
#include "syscall_filter.h"

#include "base/log.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

enum {
    STEPS_MAX = 1 << 20, /* of a walk; Docker's profile takes 9,000 */
    BOXES_MAX = 1 << 15,
    JUMP_REACH = 240, /* of a conditional jump, less what may come between (255 in all) */
};

struct range {
    uint32_t lo, hi; /* both included */
};

/* An action, or an instruction of the program that was read. */
struct verdict {
    bool is_entry;
    uint32_t value;
};

struct box {
    struct range arch, call;
    struct verdict verdict;
};

enum word { WORD_NONE, WORD_ARCH, WORD_CALL };

struct state {
    size_t at;
    enum word word; /* what the accumulator holds */
    struct range arch, call;
};

struct walk {
    struct arena *a;
    const struct sock_filter *code;
    size_t n, steps;
    struct state *todo;
    size_t n_todo, todo_room;
    struct box *boxes;
    size_t n_boxes, room;
};

static bool is_same(struct verdict x, struct verdict y)
{
    return x.is_entry == y.is_entry && x.value == y.value;
}

/* ---- reading ---- */

static bool note_box(struct walk *w, const struct state *s, struct verdict verdict)
{
    if (w->n_boxes == BOXES_MAX)
        return false;
    w->boxes = arena_grow(w->a, w->boxes, w->n_boxes, &w->room, sizeof(*w->boxes));
    w->boxes[w->n_boxes++] = (struct box){s->arch, s->call, verdict};
    return true;
}

/* The part of a state's values that a comparison sends one way waits for its turn. */
static void branch(struct walk *w, const struct state *s, uint64_t lo, uint64_t hi, size_t at)
{
    struct state part = *s;
    struct range *r = s->word == WORD_ARCH ? &part.arch : &part.call;

    if (lo > hi || lo > r->hi || hi < r->lo)
        return;
    r->lo = lo > r->lo ? (uint32_t)lo : r->lo;
    r->hi = hi < r->hi ? (uint32_t)hi : r->hi;
    part.at = at;
    w->todo = arena_grow(w->a, w->todo, w->n_todo, &w->todo_room, sizeof(*w->todo));
    w->todo[w->n_todo++] = part;
}

static bool walk_jump(struct walk *w, const struct state *s)
{
    const struct sock_filter *i = &w->code[s->at];
    size_t yes = s->at + 1 + i->jt, no = s->at + 1 + i->jf;
    uint64_t k = i->k;

    if (s->word == WORD_NONE)
        return false;
    switch (i->code) {
    case BPF_JMP | BPF_JEQ | BPF_K:
        if (k)
            branch(w, s, 0, k - 1, no);
        branch(w, s, k, k, yes);
        branch(w, s, k + 1, UINT32_MAX, no);
        return true;
    case BPF_JMP | BPF_JGT | BPF_K:
        branch(w, s, 0, k, no);
        branch(w, s, k + 1, UINT32_MAX, yes);
        return true;
    case BPF_JMP | BPF_JGE | BPF_K:
        if (k)
            branch(w, s, 0, k - 1, no);
        branch(w, s, k, UINT32_MAX, yes);
        return true;
    }
    return false;
}

/* To the next comparison or verdict. */
static bool walk_on(struct walk *w, struct state s)
{
    for (; s.at < w->n && w->steps < STEPS_MAX; w->steps++) {
        const struct sock_filter *i = &w->code[s.at];

        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (i->k == offsetof(struct seccomp_data, arch))
                s.word = WORD_ARCH;
            else if (i->k == offsetof(struct seccomp_data, nr))
                s.word = WORD_CALL;
            else
                return note_box(w, &s, (struct verdict){true, (uint32_t)s.at});
            s.at++;
            break;
        case BPF_RET | BPF_K:
            return note_box(w, &s, (struct verdict){false, i->k});
        case BPF_JMP | BPF_JA:
            s.at += 1 + (size_t)i->k;
            break;
        default:
            return walk_jump(w, &s);
        }
    }
    return false;
}

static bool walk(struct walk *w)
{
    const struct range all = {0, UINT32_MAX};
    struct state s = {.arch = all, .call = all};

    if (!walk_on(w, s))
        return false;
    while (w->n_todo)
        if (!walk_on(w, w->todo[--w->n_todo]))
            return false;
    return true;
}

/* ---- sorting ---- */

struct piece { /* of one architecture's call numbers, up to the next piece */
    uint32_t lo;
    struct verdict verdict;
};

struct list {
    struct piece *pieces;
    size_t n, room;
};

static int by_call(const void *x, const void *y)
{
    const struct box *a = x, *b = y;

    return a->call.lo < b->call.lo ? -1 : a->call.lo > b->call.lo;
}

/* The verdicts over an architecture's call numbers; the boxes are sorted by call. */
static bool list_of(struct walk *w, uint32_t arch, struct list *out)
{
    uint64_t next = 0;

    *out = (struct list){0};
    for (size_t i = 0; i < w->n_boxes; i++) {
        const struct box *b = &w->boxes[i];

        if (arch < b->arch.lo || arch > b->arch.hi)
            continue;
        if (b->call.lo != next)
            return false;
        next = (uint64_t)b->call.hi + 1;
        if (out->n && is_same(out->pieces[out->n - 1].verdict, b->verdict))
            continue;
        out->pieces = arena_grow(w->a, out->pieces, out->n, &out->room, sizeof(*out->pieces));
        out->pieces[out->n++] = (struct piece){b->call.lo, b->verdict};
    }
    return next == (uint64_t)UINT32_MAX + 1;
}

static bool is_same_list(const struct list *x, const struct list *y)
{
    for (size_t i = 0; x->n == y->n && i < x->n; i++)
        if (x->pieces[i].lo != y->pieces[i].lo ||
            !is_same(x->pieces[i].verdict, y->pieces[i].verdict))
            return false;
    return x->n == y->n;
}

enum { ARCHES_MAX = 2 * SYSCALL_FILTER_PREFIX_ARCHES };

struct table {
    uint32_t arches[ARCHES_MAX];
    struct list lists[ARCHES_MAX];
    size_t n;
    struct list others; /* of every architecture that is not named */
};

/* Architectures that some box has alone; the values between them share the list of `others`. */
static bool note_arches(const struct walk *w, struct table *t)
{
    for (size_t i = 0; i < w->n_boxes; i++) {
        const struct range *r = &w->boxes[i].arch;
        size_t at = 0;

        if (r->lo != r->hi)
            continue;
        while (at < t->n && t->arches[at] != r->lo)
            at++;
        if (at == ARCHES_MAX)
            return false;
        t->arches[at] = r->lo;
        t->n += at == t->n;
    }
    return true;
}

static bool is_named(const struct table *t, uint32_t arch)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->arches[i] == arch)
            return true;
    return false;
}

static bool sort(struct walk *w, struct table *t)
{
    bool has_others = false;

    *t = (struct table){0};
    if (!note_arches(w, t))
        return false;
    qsort(w->boxes, w->n_boxes, sizeof(*w->boxes), by_call);
    for (size_t i = 0; i < t->n; i++)
        if (!list_of(w, t->arches[i], &t->lists[i]))
            return false;
    /* every interval between two named values begins where a box does */
    for (size_t i = 0; i < w->n_boxes; i++) {
        struct list l;

        if (w->boxes[i].arch.lo == w->boxes[i].arch.hi || is_named(t, w->boxes[i].arch.lo))
            continue;
        if (!list_of(w, w->boxes[i].arch.lo, &l) || (has_others && !is_same_list(&l, &t->others)))
            return false;
        t->others = l;
        has_others = true;
    }
    return has_others;
}

/* ---- writing, from the end ---- */

struct known { /* where a verdict can be jumped to */
    struct verdict verdict;
    size_t at;
};

/* Places are counted from the end: a jump from the instruction that comes next (place n) to place p
 * skips n - p - 1 of them. */
struct writer {
    struct arena *a;
    struct sock_filter *code;
    size_t n, room;
    struct known *known;
    size_t n_known, known_room;
    size_t *moved; /* of each instruction that was kept, its place */
};

static size_t put(struct writer *w, struct sock_filter i)
{
    w->code = arena_grow(w->a, w->code, w->n, &w->room, sizeof(*w->code));
    w->code[w->n] = i;
    return w->n++;
}

static size_t put_ja(struct writer *w, size_t to)
{
    return put(w, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(w->n - to - 1)));
}

static size_t near(struct writer *w, size_t to)
{
    return w->n - to > JUMP_REACH ? put_ja(w, to) : to;
}

static size_t put_jump(struct writer *w, uint16_t code, uint32_t k, size_t yes, size_t no)
{
    yes = near(w, yes);
    no = near(w, no);
    return put(w, (struct sock_filter)BPF_JUMP(code, k, (uint8_t)(w->n - yes - 1),
                                               (uint8_t)(w->n - no - 1)));
}

/* Copies what can be reached from the instructions that are marked. */
static void keep(struct writer *w, const struct sock_filter *code, size_t n, bool *is_kept)
{
    for (size_t i = 0; i < n; i++) {
        const struct sock_filter *c = &code[i];

        if (!is_kept[i] || BPF_CLASS(c->code) == BPF_RET)
            continue;
        if (BPF_CLASS(c->code) != BPF_JMP) {
            is_kept[i + 1] = true;
        } else if (BPF_OP(c->code) == BPF_JA) {
            is_kept[i + 1 + c->k] = true;
        } else {
            is_kept[i + 1 + c->jt] = true;
            is_kept[i + 1 + c->jf] = true;
        }
    }
    for (size_t i = n; i-- > 0;) {
        const struct sock_filter *c = &code[i];

        if (!is_kept[i])
            continue;
        if (BPF_CLASS(c->code) != BPF_JMP)
            w->moved[i] = put(w, *c);
        else if (BPF_OP(c->code) == BPF_JA)
            w->moved[i] = put_ja(w, w->moved[i + 1 + c->k]);
        else
            w->moved[i] =
                put_jump(w, c->code, c->k, w->moved[i + 1 + c->jt], w->moved[i + 1 + c->jf]);
    }
}

/* A place near by that gives a verdict. */
static size_t verdict_at(struct writer *w, struct verdict v)
{
    struct known *k;
    size_t i = 0;

    while (i < w->n_known && !is_same(w->known[i].verdict, v))
        i++;
    if (i < w->n_known && w->n - w->known[i].at < JUMP_REACH / 2)
        return w->known[i].at;
    if (i == w->n_known) {
        w->known = arena_grow(w->a, w->known, w->n_known, &w->known_room, sizeof(*w->known));
        w->known[w->n_known++].verdict = v;
    }
    k = &w->known[i];
    k->at = v.is_entry ? near(w, w->moved[v.value])
                       : put(w, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, v.value));
    return k->at;
}

/* A single number whose neighbours agree is asked for by itself: one comparison, not two. */
static size_t put_tree(struct writer *w, const struct piece *p, size_t n)
{
    size_t half = (n / 2) | 1, yes, no;

    if (n == 1)
        return verdict_at(w, p[0].verdict);
    if (n == 3 && p[2].lo == p[1].lo + 1 && is_same(p[0].verdict, p[2].verdict)) {
        no = verdict_at(w, p[0].verdict);
        yes = verdict_at(w, p[1].verdict);
        return put_jump(w, BPF_JMP | BPF_JEQ | BPF_K, p[1].lo, yes, no);
    }
    if (half >= n)
        half = n / 2;
    yes = put_tree(w, p + half, n - half);
    no = put_tree(w, p, half);
    return put_jump(w, BPF_JMP | BPF_JGE | BPF_K, p[half].lo, yes, no);
}

static size_t put_list(struct writer *w, const struct list *l)
{
    size_t tree = put_tree(w, l->pieces, l->n);

    if (tree != w->n - 1) /* what is loaded falls through to what is there last */
        put_ja(w, tree);
    return put(w, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                               offsetof(struct seccomp_data, nr)));
}

static void write_table(struct writer *w, const struct table *t)
{
    size_t no = put_list(w, &t->others);

    for (size_t i = t->n; i-- > 0;) {
        size_t yes = put_list(w, &t->lists[i]);

        no = put_jump(w, BPF_JMP | BPF_JEQ | BPF_K, t->arches[i], yes, no);
    }
    ASSERT(no == w->n - 1);
    put(w, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                        offsetof(struct seccomp_data, arch)));
}

bool syscall_filter_shorten(struct arena *a, const struct sock_filter *code, size_t n,
                            struct sock_filter **out, size_t *out_n)
{
    struct walk walked = {.a = a, .code = code, .n = n};
    struct writer w = {.a = a, .moved = arena_array(a, n, sizeof(*w.moved))};
    bool *is_kept = arena_array(a, n, sizeof(*is_kept));
    struct table t;

    if (!walk(&walked) || !sort(&walked, &t))
        return false;
    for (size_t i = 0; i < walked.n_boxes; i++)
        if (walked.boxes[i].verdict.is_entry)
            is_kept[walked.boxes[i].verdict.value] = true;
    keep(&w, code, n, is_kept);
    write_table(&w, &t);
    if (w.n >= n)
        return false;
    *out = arena_array(a, w.n, sizeof(**out));
    for (size_t i = 0; i < w.n; i++)
        (*out)[i] = w.code[w.n - 1 - i];
    *out_n = w.n;
    return true;
}
