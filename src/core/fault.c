/* SPDX-License-Identifier: Apache-2.0 */
/* Fault injection by "type:step" for tests, also from BERTH_FAULT; deadlines that come within a
 * test's time. Loop thread. */
#include <string.h>

#include "base/log.h"
#include "base/text.h"

#include "op_inner.h"

static void clear(struct ops *o)
{
    list_each (f, &o->faults, struct fault, link) {
        list_remove(&f->link);
        free(f->where);
        free(f);
    }
}

/* "type:step", "type:step!late", "type:step*3" */
static void inject_text(struct ops *o, char *text)
{
    char *star = strchr(text, '*');
    int64_t n = 1;

    if (star) {
        *star = '\0';
        if (!text_to_i64(star + 1, &n) || n < 1 || n > INT32_MAX)
            n = 1;
    }
    ops_inject_fault(o, text, (int)n);
}

static int read_deadline(void)
{
    const char *env = getenv("BERTH_DEADLINE_MS");
    int64_t ms;

    return env && text_to_i64(env, &ms) && ms > 0 && ms < OP_DEADLINE_MS ? (int)ms : OP_DEADLINE_MS;
}

void faults_init(struct ops *o)
{
    autoarena struct arena *a = arena_create();
    const char *env = getenv("BERTH_FAULT");
    struct strs list;

    o->deadline_ms = read_deadline();
    list_init(&o->faults);
    if (text_is_empty(env))
        return;
    list = text_split(a, env, ',');
    for (size_t i = 0; i < list.n; i++)
        inject_text(o, list.v[i]);
}

void faults_finish(struct ops *o)
{
    clear(o);
}

void ops_inject_fault(struct ops *o, const char *where, int n)
{
    struct fault *f;
    char *late;

    ASSERT_LOOP();
    if (text_is_empty(where)) {
        clear(o);
        return;
    }
    f = mem_new(struct fault);
    f->where = mem_strdup(where);
    late = strstr(f->where, "!late");
    f->is_late = late != NULL;
    if (late)
        *late = '\0';
    f->left = n;
    list_append(&o->faults, &f->link);
}

static bool is_at(const struct fault *f, const struct op *op)
{
    size_t n = strlen(op->type->name);

    return !strncmp(f->where, op->type->name, n) && f->where[n] == ':' &&
           !strcmp(f->where + n + 1, op_step_name(op));
}

/* Whether a fault is to hit at the op's current step; counts it as used. */
static bool take(struct op *op, bool is_late)
{
    list_each (f, &op->ops->faults, struct fault, link) {
        if (f->left <= 0 || f->is_late != is_late || !is_at(f, op))
            continue;
        f->left--;
        log_warn(is_late ? "fault injected: nobody answers" : "fault injected", KV("at", f->where),
                 KV("subject", op->subject));
        return true;
    }
    return false;
}

struct err *fault_hit(struct op *op)
{
    if (!take(op, false))
        return NULL;
    return err_new(ERR_INTERNAL, "fault injected at %s:%s", op->type->name, op_step_name(op));
}

bool fault_is_late(struct op *op)
{
    return take(op, true);
}
